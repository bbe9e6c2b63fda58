import { Check as CheckMark, ChevronDown, ChevronRight } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { Button as AriaButton, Disclosure, DisclosurePanel, Heading, ListBox, ListBoxItem, Popover, Radio, RadioGroup, Select, SelectValue } from 'react-aria-components';
import { useMutation } from 'urql';
import type { SessionPolicyPreset } from '../gql/graphql';
import { counted } from '../messages/en';
import { Button } from '../ui/Button';
import { Check } from '../ui/Check';
import { Dialog } from '../ui/Dialog';
import { Field } from '../ui/Field';
import { minutes } from '../ui/format';
import { Icon } from '../ui/Icon';
import { UpdatePolicy } from './documents';
import { type Bounds, capProblem, type Draft, draftOf, inputOf, isChanged, isValid, type Limits, limitProblems, limitsOf, type Policy, type Span, type Unit } from './policy';
import { useDangerous } from './Reauthenticate';
import { SpanDrawing } from './SpanDrawing';

const words: Record<SessionPolicyPreset, [string, string]> = {
  STRICT: ['Strict', 'For audited clients and shared computers.'],
  STANDARD: ['Standard', 'For people who are called away all day.'],
  CUSTOM: ['Custom', 'Limits of your own.'],
};

/** How long a login lasts. A change applies at the next login, unless the owner says that it holds now. */
export function PolicyCard({ policy, bounds }: { policy: Policy; bounds: Bounds }) {
  const [draft, setDraft] = useState<Draft>(() => draftOf(policy));
  const [saved, setSaved] = useState<string>();
  const [asking, setAsking] = useState(false);
  const [, update] = useMutation(UpdatePolicy);
  const dangerous = useDangerous(
    () => update({ input: inputOf(draft, bounds) }),
    (data) => {
      const ended = data.updateSessionPolicy.endedCount;
      setSaved(draft.applyNow ? `Policy saved. It holds now${ended > 0 ? `; ${counted(ended, 'login', 'logins')} ended` : ''}.` : 'Policy saved. It applies at the next login.');
      setAsking(false);
    },
  );
  // What somebody chose stays where the same policy is read again.
  const read = JSON.stringify(policy);
  useEffect(() => setDraft(draftOf(JSON.parse(read) as Policy)), [read]);
  const change = (next: Partial<Draft>) => {
    setSaved(undefined);
    setDraft((d) => ({ ...d, ...next }));
  };

  const changed = isChanged(draft, policy, bounds);
  const valid = isValid(draft, bounds);
  const { idle, absolute } = limitsOf(draft, bounds);
  const admins = draft.admins && limitsOf(draft.admins, bounds);
  const save = async () => {
    // The password is asked for in a dialog; without it nothing is in the way.
    if (!(await dangerous.run())) setAsking(true);
  };

  return (
    <section className="sheet" aria-label="How long a login lasts">
      <div className="card-head">
        <h2>How long a login lasts</h2>
        <p>Everybody in the account</p>
      </div>
      <PresetCards limits={draft} bounds={bounds} label="How long a login lasts" onChange={change} />
      <div className="folds">
        <Fold title="Stricter for owners and admins" state={draft.admins ? words[draft.admins.preset][0].toLowerCase() : 'off'} open={policy.admins !== null}>
          <Check isSelected={draft.admins !== undefined} onChange={(on) => change({ admins: on ? { preset: 'STRICT', idle: draft.idle, absolute: draft.absolute } : undefined })}>
            Owners and admins have limits of their own
          </Check>
          {draft.admins && <PresetCards limits={draft.admins} bounds={bounds} label="Limits of owners and admins" stacked onChange={(next) => change({ admins: { ...(draft.admins as Limits), ...next } })} />}
        </Fold>
        <Fold title="Sessions per person" state={draft.cap.trim() === '' ? 'no limit' : `at most ${draft.cap}`} open={policy.maxSessionsPerUser !== null}>
          <Field label="At most" hint="Empty for any number." inputMode="numeric" value={draft.cap} onChange={(cap) => change({ cap })} isInvalid={capProblem(draft.cap, bounds) !== undefined} errorMessage={capProblem(draft.cap, bounds)} />
          <RadioGroup aria-label="Whoever signs in on one device more" className="grid gap-1" value={draft.atCap} onChange={(v) => change({ atCap: v as Draft['atCap'] })} isDisabled={draft.cap.trim() === ''}>
            <Radio value="END_LEAST_RECENTLY_ACTIVE" className="choice">
              <span className="dot" />
              ends their login that was idle longest
            </Radio>
            <Radio value="REFUSE" className="choice">
              <span className="dot" />
              is refused
            </Radio>
          </RadioGroup>
        </Fold>
      </div>
      <div className="policy-foot">
        <p role="status">
          {saved ? (
            <span className="inline-flex items-center gap-2 text-emerald-text">
              <Icon of={CheckMark} />
              {saved}
            </span>
          ) : idle !== undefined && absolute !== undefined ? (
            <>
              Everybody is signed out after <b>{minutes(idle)}</b> without activity, and after <b>{minutes(absolute)}</b> in any case
              {admins?.idle !== undefined && admins.absolute !== undefined && (
                <>
                  ; owners and admins after <b>{minutes(Math.min(admins.idle, idle))}</b> and <b>{minutes(Math.min(admins.absolute, absolute))}</b>
                </>
              )}
              . {draft.applyNow ? 'It holds for running logins too, which are only ever shortened.' : 'A change applies at the next login.'}
            </>
          ) : (
            'Write both limits as whole numbers.'
          )}
        </p>
        {(changed || draft.applyNow) && (
          <Check isSelected={draft.applyNow} onChange={(applyNow) => change({ applyNow })}>
            Also now
          </Check>
        )}
        <Button kind={changed && valid ? 'primary' : 'ordinary'} isDisabled={!changed || !valid} isPending={dangerous.busy && !asking} onPress={() => void save()}>
          {!changed ? 'No changes to save' : !valid ? 'Mend the limits to save' : 'Save'}
        </Button>
      </div>
      {asking && (
        <Dialog
          isOpen
          onClose={() => setAsking(false)}
          busy={dangerous.busy}
          title="Save the policy"
          footer={
            <>
              <Button onPress={() => setAsking(false)} isDisabled={dangerous.busy}>
                Cancel
              </Button>
              <Button kind="primary" isPending={dangerous.busy} onPress={() => void dangerous.run()}>
                Save the policy
              </Button>
            </>
          }
        >
          {dangerous.ask}
        </Dialog>
      )}
    </section>
  );
}

function PresetCards({ limits, bounds, label, stacked, onChange }: { limits: Limits; bounds: Bounds; label: string; stacked?: boolean; onChange: (next: Partial<Limits>) => void }) {
  const problems = limitProblems(limits, bounds);
  const custom = limits.preset === 'CUSTOM';
  return (
    <RadioGroup aria-label={label} className={stacked ? 'grid gap-2' : 'policy-cards'} value={limits.preset} onChange={(v) => onChange({ preset: v as SessionPolicyPreset })}>
      {bounds.presets.map((p) => (
        <div className="radio-card" key={p.preset}>
          <Radio value={p.preset} className="name">
            <span className="dot" />
            {words[p.preset][0]}
          </Radio>
          {!stacked && <p>{words[p.preset][1]}</p>}
          <SpanDrawing idle={p.idleMinutes} absolute={p.absoluteMinutes} />
        </div>
      ))}
      <div className="radio-card">
        <Radio value="CUSTOM" className="name">
          <span className="dot" />
          {words.CUSTOM[0]}
        </Radio>
        <div className="nums">
          <SpanField label="Without activity" hint={`${minutes(bounds.minIdleMinutes)} to ${minutes(bounds.maxIdleMinutes)}`} span={limits.idle} problem={problems.idle} disabled={!custom} onChange={(idle) => onChange({ idle })} />
          <SpanField label="In any case" hint={`${minutes(bounds.minAbsoluteMinutes)} to ${minutes(bounds.maxAbsoluteMinutes)}`} span={limits.absolute} problem={problems.absolute} disabled={!custom} onChange={(absolute) => onChange({ absolute })} />
        </div>
      </div>
    </RadioGroup>
  );
}

function SpanField({ label, hint, span, problem, disabled, onChange }: { label: string; hint: string; span: Span; problem: string | undefined; disabled: boolean; onChange: (span: Span) => void }) {
  return (
    <div className="span-field">
      <Field label={label} hint={hint} inputMode="numeric" value={span.text} isDisabled={disabled} isInvalid={problem !== undefined} errorMessage={problem} onChange={(text) => onChange({ ...span, text })} />
      <Select aria-label={`${label}, unit`} className="mt-[26px]" isDisabled={disabled} value={span.unit} onChange={(unit) => onChange({ ...span, unit: unit as Unit })}>
        <AriaButton className="btn select-button">
          <SelectValue />
          <Icon of={ChevronDown} size={14} />
        </AriaButton>
        <Popover className="popover">
          <ListBox className="menu">
            {(['minutes', 'hours', 'days'] as const).map((u) => (
              <ListBoxItem key={u} id={u} className="menu-item">
                {u}
              </ListBoxItem>
            ))}
          </ListBox>
        </Popover>
      </Select>
    </div>
  );
}

function Fold({ title, state, open, children }: { title: string; state: string; open: boolean; children: ReactNode }) {
  return (
    <Disclosure className="fold" defaultExpanded={open}>
      <Heading level={3}>
        <AriaButton slot="trigger">
          <Icon of={ChevronRight} />
          <b>{title}</b> {state}
        </AriaButton>
      </Heading>
      <DisclosurePanel>
        <div className="in">{children}</div>
      </DisclosurePanel>
    </Disclosure>
  );
}
