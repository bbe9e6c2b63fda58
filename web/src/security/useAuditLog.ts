// Reads the audit log page by page, and keeps it as it goes on.
import type { CombinedError } from '@urql/core';
import { useEffect, useReducer, useRef, useState } from 'react';
import { useClient } from 'urql';
import { type Failure, failureOf } from '../api/errors';
import type { AuditLogFilter } from '../gql/graphql';
import { type Entry, type Log, withEntry, withPage, withWaiting } from './audit';
import { LogCount, LogEnd, LogPage, WatchLog } from './auditDocuments';

export interface AuditLog {
  log: Log | undefined; // undefined until the first page came
  newest: Entry | undefined; // what came last while the page was open
  failure: Failure | undefined;
  /** Does again what failed. */
  tryAgain: () => void;
  loadingMore: boolean;
  /** Reads on where the log that is there ends. */
  showMore: () => void;
  showWaiting: () => void;
}

/**
 * The part of the log that the filter lets through. What is new comes by itself: into
 * its place, or, while reading() says so, beside it until it is asked for.
 */
export function useAuditLog(filter: AuditLogFilter, reading: () => boolean): AuditLog {
  const client = useClient();
  const [log, setLog] = useState<Log>();
  const [newest, setNewest] = useState<Entry>();
  const [failed, setFailed] = useState<{ failure: Failure | undefined; what: 'all' | 'more' }>();
  const [loadingMore, setLoadingMore] = useState(false);
  const [attempt, readAnew] = useReducer((n: number) => n + 1, 0);
  // Several may come before the first of them is drawn: each builds on the one before.
  const present = useRef<Log>(undefined);
  const change = useRef((to: Log | undefined) => {
    present.current = to;
    setLog(to);
  }).current;
  const isReading = useRef(reading);
  isReading.current = reading;

  useEffect(() => {
    let over = false;
    let unsubscribe = () => {};
    let early: Entry[] | undefined = []; // what was pushed before the first page came
    const take = (e: Entry) => {
      if (early) early.push(e);
      else {
        const before = present.current;
        const after = before && withEntry(before, e, filter, isReading.current());
        if (!after || after === before) return;
        change(after);
        setNewest(e);
      }
    };
    change(undefined);
    setNewest(undefined);
    setFailed(undefined);
    setLoadingMore(false);
    const fail = (error: CombinedError | undefined) => setFailed({ failure: failureOf(error), what: 'all' });
    const read = async () => {
      // First where the log ends, so that nothing falls between a page and what is pushed.
      const end = await client.query(LogEnd, {}, { requestPolicy: 'network-only' }).toPromise();
      if (over) return;
      if (!end.data) return fail(end.error);
      ({ unsubscribe } = client.subscription(WatchLog, { after: end.data.accountSecurity.auditLog.edges[0]?.cursor ?? null }).subscribe(({ data, error }) => {
        if (data) take(data.auditLog);
        // Away for so long that too much came: it is read anew.
        else if (error?.graphQLErrors.some((e) => e.extensions?.code === 'CONFLICT')) readAnew();
        else if (error) fail(error);
      }));
      const page = await client.query(LogPage, { filter, after: null }, { requestPolicy: 'network-only' }).toPromise();
      if (over) return;
      if (!page.data) return fail(page.error);
      const { nodes, pageInfo } = page.data.accountSecurity.auditLog;
      let first = withPage(undefined, nodes, pageInfo.hasNextPage);
      for (const e of early ?? []) first = withEntry(first, e, filter, false);
      early = undefined;
      change(first);
      const { data } = await client.query(LogCount, { filter }, { requestPolicy: 'network-only' }).toPromise();
      if (!over && data && present.current) change({ ...present.current, total: data.accountSecurity.auditLog.totalCount });
    };
    void read();
    return () => {
      over = true;
      unsubscribe();
    };
  }, [client, filter, attempt, change]);

  const showMore = () => {
    const last = log?.entries.at(-1);
    if (!last || loadingMore) return;
    setLoadingMore(true);
    setFailed(undefined);
    void client
      .query(LogPage, { filter, after: last.cursor }, { requestPolicy: 'network-only' })
      .toPromise()
      .then(({ data, error }) => {
        // The filter, or what is kept, may have changed meanwhile.
        const before = present.current;
        setLoadingMore(false);
        if (before?.entries.at(-1)?.id !== last.id) return;
        if (!data) return setFailed({ failure: failureOf(error), what: 'more' });
        change(withPage(before, data.accountSecurity.auditLog.nodes, data.accountSecurity.auditLog.pageInfo.hasNextPage));
      });
  };

  return {
    log,
    newest,
    failure: failed?.failure,
    tryAgain: failed?.what === 'more' ? showMore : readAnew,
    loadingMore,
    showMore,
    showWaiting: () => present.current && change(withWaiting(present.current)),
  };
}
