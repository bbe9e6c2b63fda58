import { useNavigate, useSearch } from '@tanstack/react-router';
import { Building2, Search, Tag } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { Form, Input, SearchField } from 'react-aria-components';
import { useMutation, useQuery } from 'urql';
import { failureOf, fieldErrors } from '../../api/errors';
import { type ClientChoice, clientInput } from '../../clients/choice';
import { ClientField } from '../../clients/ClientField';
import { SeenBefore } from '../../clients/SeenBefore';
import type { ChoiceFragment, ReadStartLinkQuery } from '../../gql/graphql';
import { useTitle } from '../../layout/useTitle';
import { counted } from '../../messages/en';
import { words as all } from '../../messages/walk';
import { SavePad } from '../../runner/documents';
import { longestPad } from '../../runner/pad';
import '../../runner/runner.css';
import { Banner, FailureBanner } from '../../ui/Banner';
import { Field } from '../../ui/Field';
import { exactTime, when } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Listing } from '../../ui/Listing';
import { Loading } from '../../ui/Loading';
import { Markdown } from '../../ui/Markdown';
import { useSettled } from '../../ui/useSettled';
import { useStart } from '../trees/start';
import { FindPublished, MostUsed, ReadStartLink } from './documents';
import { cut, longestLine, longestName, longestValue, readLink } from './link';
import './start.css';
import { type Way, Ways } from './Ways';

const words = all.start;

type Read = ReadStartLinkQuery['startLink'];

/** What an error is shown beside; any other stands above the ways. */
const shownByFields = { ticket: true, subject: true, clientName: true };

/**
 * Where a ticket system's links lead. It says what it understood and asks before it
 * starts anything: following a link, going back to it, or opening it unasked makes
 * no session.
 */
export default function StartPage() {
  const search = useSearch({ from: '/app/start' });
  const { link, said } = useMemo(() => readLink(search), [search]);
  // Another link is another page; a tree that was chosen for this one is not.
  const { tree: _, ...about } = link;
  return <Start key={JSON.stringify(about)} link={link} said={said} />;
}

function Start({ link, said }: ReturnType<typeof readLink>) {
  const navigate = useNavigate();
  const [about, setAbout] = useState({ ticket: link.ticket, subject: link.subject });
  const [client, setClient] = useState<ClientChoice>({ text: link.client, make: false });
  const [values, setValues] = useState(link.values);
  const [choosing, setChoosing] = useState(false);
  const [needsSubject, setNeedsSubject] = useState(false);
  const subjectField = useRef<HTMLDivElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const { start, starting, error: startError } = useStart();
  const [, savePad] = useMutation(SavePad);

  const asked = useSettled(useMemo(() => ({ tree: link.tree, ...about, clientName: client.id ? '' : client.text, values }), [link.tree, about, client, values]));
  const [{ data, error }, again] = useQuery({ query: ReadStartLink, variables: { input: asked } });
  const read = data?.startLink;
  const tree = choosing ? null : (read?.tree ?? null);
  const failure = failureOf(error);
  const { fields } = fieldErrors(startError);
  const rest = Object.keys(fields).some((f) => f in shownByFields) ? undefined : failureOf(startError);
  useTitle(tree ? words.startTree(tree.title) : words.title);

  // The question has the focus when it is there, and when it is another one.
  const question = read && (tree?.id ?? 'which');
  useEffect(() => {
    if (question) heading.current?.focus({ preventScroll: true });
  }, [question]);

  // What was typed a moment ago is judged by the server as the walk starts.
  const refused = (i: number) => Boolean(read?.values[i]?.refusal) && asked.values[i]?.text === values[i]?.text;
  const begin = async (treeId: string | null) => {
    if (treeId === null && about.subject.trim() === '') {
      setNeedsSubject(true);
      subjectField.current?.querySelector('input')?.focus();
      return;
    }
    const taken = values.filter((v, i) => v.text.trim() !== '' && !refused(i));
    // What no field takes is not lost: it stands beside the walk.
    const left = values.flatMap((v, i) => (refused(i) ? [`${read?.values[i]?.label ?? v.name}: ${v.text}`] : []));
    const text = left.length > 0 ? `${words.fromLink}\n${left.join('\n')}\n`.slice(0, longestPad) : '';
    await start({ treeId, ticket: about.ticket, subject: about.subject, ...clientInput(client), values: taken }, text ? (sessionId) => savePad({ input: { sessionId, text, expectedRevision: 0 } }) : undefined);
  };

  const problems = [...said, ...(read ? problemsOf(read, values) : [])];
  const newClient = read && client.text === link.client && link.client !== '' && !client.make && read.client === null && !read.problems.some((p) => p.field === 'input.clientName');
  const open = read?.openSessions ?? [];
  const resumes: Way[] = open
    .filter((s) => s.isMine)
    .map((s) => ({
      id: s.sessionId,
      label: words.resume(s.title),
      note: words.since(exactTime(s.startedAt), when(s.updatedAt)),
      mark: 'mk-p',
      to: s.sessionId,
      run: () => void navigate({ to: '/sessions/$sessionId', params: { sessionId: s.sessionId } }),
    }));
  const others = open.filter((s) => !s.isMine);
  const without: Way = { id: 'without', label: words.withoutTree, soft: true, run: () => void begin(null) };
  const unknownTree = read?.problems.find((p) => p.field === 'input.tree')?.message;
  const isId = link.tree.startsWith('tree_');

  return (
    <>
      <div className="sub">
        <h1>{words.title}</h1>
        <div className="meta">
          {client.text && (
            <span>
              <Icon of={Building2} size={14} /> <bdi>{read?.client?.name ?? client.text}</bdi>
            </span>
          )}
          {about.ticket && (
            <span>
              <Icon of={Tag} size={14} /> <bdi>{about.ticket}</bdi>
            </span>
          )}
        </div>
      </div>
      <div className="run start-run">
        <div className="way">
          <div className="way-in">
            <div className="past" />
            {failure && <FailureBanner failure={failure} title={words.notRead} retry={() => again({ requestPolicy: 'network-only' })} />}
            {!read && !failure && <Loading label={words.reading} rows={4} />}
            {read && (
              <>
                <section className="now start" aria-label={words.way}>
                  <span className="since" />
                  <span className="rail">
                    <span className="station round" />
                  </span>
                  <div>
                    <h2 ref={heading} tabIndex={-1}>
                      {resumes.length > 0 ? words.goesOn(about.ticket) : tree ? tree.title : !choosing && unknownTree && !isId && link.tree ? words.noTree(cut(link.tree, longestName)) : words.which}
                    </h2>
                    {tree && resumes.length > 0 && <p className="help">{words.orNew(tree.title)}</p>}
                    {tree && resumes.length === 0 && (tree.description ? <Markdown className="help" text={tree.description} /> : <p className="help">{about.subject}</p>)}
                    {!tree && !choosing && unknownTree && <p className="help">{unknownTree}</p>}
                    {others.map((s) => (
                      <div className="mt-4" key={s.sessionId}>
                        <Banner colour="cyan" role="status">
                          <b>{words.otherHas(s.heldBy.name, about.ticket)}</b> {words.otherSince(s.title, exactTime(s.startedAt), when(s.updatedAt))}
                        </Banner>
                      </div>
                    ))}
                    {(problems.length > 0 || newClient) && (
                      <div className="mt-4">
                        <Banner colour="amber" role="status">
                          <b>{words.problems}</b>
                          <ul className="start-problems">
                            {problems.map((p) => (
                              <li key={p}>
                                <bdi>{p}</bdi>
                              </li>
                            ))}
                            {newClient && (
                              <li>
                                <bdi>{all.client.unknown(link.client)}</bdi>{' '}
                                <button type="button" className="link" onClick={() => setClient({ text: client.text, make: true })}>
                                  {all.client.make}
                                </button>
                              </li>
                            )}
                          </ul>
                        </Banner>
                      </div>
                    )}
                    {rest && (
                      <div className="mt-4">
                        <FailureBanner failure={rest} title={words.notStarted} />
                      </div>
                    )}
                  </div>
                </section>
                {tree ? (
                  <Ways
                    label={words.ways}
                    busy={starting}
                    ways={[
                      ...resumes,
                      { id: 'start', label: resumes.length > 0 ? words.startNew(tree.title) : words.start, note: sizeOf(tree), mark: 'mk-d', run: () => void begin(tree.id) },
                      { id: 'other', label: words.otherTree, mark: 'mk-t', run: () => setChoosing(true) },
                      without,
                    ]}
                  />
                ) : (
                  <TreeChoice
                    words={isId ? about.subject : link.tree || about.subject}
                    first={resumes}
                    last={without}
                    busy={starting}
                    onTree={(id) => {
                      setChoosing(false);
                      void navigate({ to: '/start', search: (old: Record<string, string | string[]>) => ({ ...old, tree: id }) });
                    }}
                  />
                )}
              </>
            )}
          </div>
        </div>
        <aside className="side" aria-label={words.beside}>
          <section aria-label={words.whatFor}>
            <h2>{words.whatFor}</h2>
            <Form className="grid gap-1" validationErrors={fields} onSubmit={(event) => event.preventDefault()}>
              <ClientField value={client} onChange={setClient} />
              <Field name="ticket" label="Ticket (optional)" maxLength={longestLine} value={about.ticket} onChange={(ticket) => setAbout((a) => ({ ...a, ticket }))} />
              <div ref={subjectField}>
                <Field
                  name="subject"
                  label="Subject (optional)"
                  maxLength={longestLine}
                  value={about.subject}
                  isInvalid={needsSubject || fields.subject !== undefined}
                  errorMessage={needsSubject ? words.needsSubject : undefined}
                  onChange={(subject) => {
                    setNeedsSubject(false);
                    setAbout((a) => ({ ...a, subject }));
                  }}
                />
              </div>
            </Form>
          </section>
          {read && values.length > 0 && <Values read={read} values={values} given={link.values} onText={(at, text) => setValues((all) => all.map((v, i) => (i === at ? { ...v, text } : v)))} />}
          <SeenBefore clientId={client.id ?? read?.client?.id} clientName={client.text} subject={about.subject} treeId={tree?.id} saysNothing />
        </aside>
      </div>
    </>
  );
}

/** What of the link cannot be used, without what the question and the fields say themselves. */
function problemsOf(read: Read, values: readonly { name: string }[]): string[] {
  return read.problems.flatMap((p) => {
    const at = /^input\.values\[(\d+)\]/.exec(p.field)?.[1];
    if (at === undefined) return p.field === 'input.clientName' ? [p.message] : [];
    const value = read.values[Number(at)];
    return value?.refusal && values[Number(at)] ? [words.refused(value.label)] : [];
  });
}

const sizeOf = (tree: ChoiceFragment): string => [counted(tree.nodeCount, 'step', 'steps'), tree.publishedVersion !== null && `version ${tree.publishedVersion}`, tree.category?.name].filter(Boolean).join(', ');

/** The values that the link brings. Those that no field takes can be mended here. */
function Values({ read, values, given, onText }: { read: Read; values: readonly { name: string; text: string }[]; given: readonly { name: string; text: string }[]; onText: (at: number, text: string) => void }) {
  // One that was wrong stays a field while it is mended.
  const [mended, setMended] = useState<ReadonlySet<number>>(new Set());
  return (
    <section aria-label={words.known}>
      <h2>{words.known}</h2>
      <dl className="facts">
        {values.map((v, i) => {
          const value = read.values[i];
          if (value?.refusal || mended.has(i)) return null;
          return (
            <div className="contents" key={`${v.name} ${i}`}>
              <dt>
                <bdi>{value?.label ?? v.name}</bdi>
              </dt>
              <dd className="mono">
                <bdi>{value?.text ?? v.text}</bdi>
                {read.tree && value && !value.isAskedFor && <span className="hint block">{words.notAsked}</span>}
              </dd>
              <dd />
            </div>
          );
        })}
      </dl>
      {values.map((v, i) => {
        const value = read.values[i];
        if (!value?.refusal && !mended.has(i)) return null;
        return (
          <Field
            key={`${v.name} ${i}`}
            label={value?.label ?? v.name}
            value={v.text}
            maxLength={longestValue}
            isInvalid={Boolean(value?.refusal)}
            errorMessage={value?.refusal ?? undefined}
            hint={given[i]?.text === v.text ? undefined : words.taken}
            onChange={(text) => {
              setMended((old) => new Set(old).add(i));
              onText(i, text);
            }}
          />
        );
      })}
    </section>
  );
}

/** Which tree it is: what the link's words may mean, or what somebody looks for. */
function TreeChoice({ words: begin, first, last, busy, onTree }: { words: string; first: readonly Way[]; last: Way; busy: boolean; onTree: (id: string) => void }) {
  const [text, setText] = useState(begin);
  const query = useSettled(text.trim());
  const [found, findAgain] = useQuery({ query: FindPublished, variables: { query }, pause: query === '' });
  const [used, usedAgain] = useQuery({ query: MostUsed });
  const [asked, again] = query === '' ? [used, usedAgain] : [found, findAgain];
  const known = query === '' ? used.data?.trees.nodes : found.data?.searchTrees.edges.map((e) => e.node);
  const shown = known ?? [];
  const ways: Way[] = [...first, ...shown.map((t): Way => ({ id: t.id, label: t.title, note: sizeOf(t), mark: 'mk-d', run: () => onTree(t.id) })), last];
  return (
    <>
      <div className="start-find">
        <SearchField aria-label={words.find} value={text} onChange={setText} className="find-field" maxLength={longestLine}>
          <Input className="input" placeholder={words.find} />
          <Icon of={Search} />
        </SearchField>
        <p className="hint" role="status">
          {known && (query === '' ? words.mostUsed : shown.length === 0 ? words.nothing : words.found(shown.length))}
        </p>
      </div>
      <Listing of={asked} retry={() => again({ requestPolicy: 'network-only' })} failed={words.notFound} loading={words.looking} />
      <Ways label={words.ways} ways={ways} busy={busy} />
    </>
  );
}
