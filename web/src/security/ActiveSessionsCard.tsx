import { ChevronRight } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useSubscription } from 'urql';
import { useConnection } from '../api/socket';
import { learnServerTime, serverNow } from '../auth/clock';
import { leave } from '../auth/leave';
import { useAuth, usePerson } from '../auth/store';
import type { WatchSignedInSubscription } from '../gql/graphql';
import { counted } from '../messages/en';
import { Button } from '../ui/Button';
import { DeviceIcon } from '../ui/DeviceIcon';
import { exactTime, initials, span } from '../ui/format';
import { Icon } from '../ui/Icon';
import { Listing } from '../ui/Listing';
import { Time } from '../ui/Time';
import { WatchSignedIn } from './documents';
import { after, type Device, keepOrder, peopleOf, type Person, type SignedInList } from './people';
import { RevokeSessionsModal, type What } from './RevokeSessionsModal';

/** Who is signed in, live, and the ways to end their logins. */
export function ActiveSessionsCard() {
  const me = usePerson();
  const auth = useAuth();
  const own = auth.state === 'in' ? auth.loginSessionId : '';
  const connection = useConnection();
  // The whole list first, then what changes; after a lost connection the whole list again.
  const [{ data: list, error }, again] = useSubscription<WatchSignedInSubscription, SignedInList>(
    { query: WatchSignedIn },
    (before, { activeSessions }) => {
      learnServerTime(activeSessions.serverTime);
      return after(before, activeSessions);
    },
  );
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set([me.id]));
  const [asking, setAsking] = useState<What>();
  const people = useMemo(() => (list ? peopleOf(list.devices.values(), me.id) : []), [list, me.id]);
  const shown = useSteady(people);
  const devices = list?.devices.size ?? 0;
  const others = people.filter((p) => p.id !== me.id);
  const summary = `${counted(people.length, 'person', 'people')}, ${counted(devices, 'device', 'devices')}`;

  const toggle = (id: string) =>
    setOpen((was) => {
      const next = new Set(was);
      if (!next.delete(id)) next.add(id);
      return next;
    });

  return (
    <section className="sheet" aria-label="Signed in now">
      <div className="card-head">
        <h2>
          Signed in now{' '}
          <span className="num font-text text-ink-3" role="status">
            {list && summary}
          </span>
        </h2>
        <span className="life-key" aria-hidden="true">
          <span>
            <svg className="life">
              <line className="on" x1="0" y1="6" x2="20" y2="6" />
            </svg>
            time used
          </span>
          <span>
            <svg className="life">
              <line className="end" x1="14" y1="1" x2="14" y2="11" />
            </svg>
            end in any case
          </span>
        </span>
        <span className={connection.state === 'live' ? 'live' : 'live lost'}>{connection.state === 'live' ? 'Live' : 'Reconnecting'}</span>
      </div>
      <Listing of={{ data: list, fetching: !error, error: list ? undefined : error }} retry={() => again()} failed="The list could not be loaded." loading="Loading who is signed in" rows={4}>
        <div ref={shown.area}>
          <div className="person-head" aria-hidden="true">
            <span>Person</span>
            <span>E-mail</span>
            <span>Last sign-in</span>
          </div>
          {shown.people.map((p) => (
            <PersonRows key={p.id} person={p} me={p.id === me.id} own={own} open={open.has(p.id)} onToggle={() => toggle(p.id)} onEnd={setAsking} />
          ))}
        </div>
      </Listing>
      {list?.more && <p className="due">The newest 1,000 logins are shown.</p>}
      {list && (
        <div className="danger-foot">
          <p>Ends logins at once, on every device.</p>
          {others.length > 0 && (
            <Button kind="danger" onPress={() => setAsking({ what: 'others' })}>
              Sign out {counted(others.length, 'other person', 'other people')}…
            </Button>
          )}
          <Button kind="danger-tint" onPress={() => setAsking({ what: 'all' })}>
            {others.length > 0 ? 'Sign out everyone, me too…' : 'Sign out on all my devices…'}
          </Button>
        </div>
      )}
      {asking && <RevokeSessionsModal what={asking} people={people} meId={me.id} onClose={() => setAsking(undefined)} />}
    </section>
  );
}

/** The people in an order that does not change under the pointer or the focus. */
function useSteady(people: Person[]): { people: Person[]; area: React.RefObject<HTMLDivElement | null> } {
  const area = useRef<HTMLDivElement>(null);
  const order = useRef<string[]>([]);
  const now = people.map((p) => p.id);
  const busy = area.current?.matches(':hover, :focus-within') ?? false;
  const next = busy ? keepOrder(order.current, now) : now;
  useEffect(() => {
    order.current = next;
  });
  const byId = new Map(people.map((p) => [p.id, p]));
  return { area, people: next.flatMap((id) => byId.get(id) ?? []) };
}

function PersonRows({ person, me, own, open, onToggle, onEnd }: { person: Person; me: boolean; own: string; open: boolean; onToggle: () => void; onEnd: (what: What) => void }) {
  const newest = person.devices[0];
  const id = `devices-${person.id}`;
  return (
    <>
      <div className="person">
        <button type="button" className="fold-button" aria-expanded={open} aria-controls={id} onClick={onToggle} aria-label={`Devices of ${person.name}`}>
          <Icon of={ChevronRight} />
        </button>
        <span className="ava s24" aria-hidden="true" data-initials={initials(person.name)} />
        <div className="who">
          <b>{person.name}</b> {me && <b className="text-ink-3">(you)</b>}
        </div>
        <span className="c">{person.email}</span>
        <span className="c">{newest && <Time at={newest.signedInAt} />}</span>
        {me ? (
          <Button size="small" onPress={() => void leave()} aria-label="Sign out on this device">
            Sign out
          </Button>
        ) : (
          <Button size="small" onPress={() => onEnd({ what: 'person', person })} aria-label={`Sign out ${person.name}`}>
            Sign out
          </Button>
        )}
      </div>
      <div id={id} hidden={!open}>
        {open && person.devices.map((d) => <DeviceRow key={d.id} device={d} own={d.id === own} person={person} onEnd={onEnd} />)}
      </div>
    </>
  );
}

function DeviceRow({ device: d, own, person, onEnd }: { device: Device; own: boolean; person: Person; onEnd: (what: What) => void }) {
  const begin = Date.parse(d.signedInAt);
  const end = Date.parse(d.absoluteExpiresAt);
  const used = Math.min(1, Math.max(0, (serverNow() - begin) / (end - begin)));
  const at = `${(used * 96).toFixed(1)}%`;
  return (
    <div className="device">
      <DeviceIcon device={d.device} />
      <div>
        {d.device}
        {own && ', this device'}
        <span className="sub-line">
          {d.ip} · {d.connectedNow ? 'connected now' : <>active <Time at={d.lastActiveAt} /></>}
        </span>
      </div>
      <span className="life-cell">
        <svg className="life" role="img" aria-label={`Used ${span(serverNow() - begin)} of ${span(end - begin)}`}>
          <line x1="0" y1="10" x2="96%" y2="10" />
          <line className="on" x1="0" y1="10" x2={at} y2="10" />
          <circle cx={at} cy="10" r="3.5" />
          <line className="end" x1="96%" y1="4" x2="96%" y2="16" />
        </svg>
      </span>
      <span className="ends num" title={`${exactTime(d.absoluteExpiresAt)}; without activity ${exactTime(d.idleExpiresAt)}`}>
        ends in {span(Math.max(0, end - serverNow()))}
      </span>
      {own ? (
        <span />
      ) : (
        <Button kind="quiet" size="small" onPress={() => onEnd({ what: 'device', person, device: d })} aria-label={`Sign out ${person.name} on ${d.device}, ${d.ip}`}>
          Sign out
        </Button>
      )}
    </div>
  );
}
