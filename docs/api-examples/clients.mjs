// What the examples share: documents, people with the clients that they use, and a
// watcher of what is pushed to them.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client/core';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { Client as UrqlClient, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient as createSocket } from 'graphql-ws';
import WebSocket from 'ws';

export const document = (name) => readFile(new URL(`${name}.graphql`, import.meta.url), 'utf8');
export const say = (text) => console.log(`${new Date().toISOString().slice(11, 23)}  ${text}`);
export const attemptId = () => randomBytes(16).toString('base64url');

/** An operation that was refused, with the first error's extensions. */
export class Refusal extends Error {
  constructor(name, error) {
    super(`${name}: ${error.message} ${JSON.stringify(error.extensions ?? {})}`);
    this.text = error.message;
    this.extensions = error.extensions ?? {};
  }
}

/** Sends one of the documents beside this file and returns its data. */
export async function ask(url, name, variables = {}, token) {
  const { data, errors } = await answer(url, name, variables, token);
  if (errors) throw new Refusal(name, errors[0]);
  return Object.values(data)[0];
}

/** Sends one of the documents beside this file and returns the whole answer. */
export async function answer(url, name, variables = {}, token) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json',
      ...(token && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query: await document(name), variables }),
  });
  return response.json();
}

/** Collects what a subscription brings and lets others wait for it. */
export class Watcher {
  constructor(name) {
    this.name = name;
    this.events = [];
    this.completed = false;
    this.waiting = [];
  }
  add(event) {
    say(`${this.name}: ${event.summary ?? event.__typename} ${event.level ?? event.logoutReason ?? ''}`);
    this.events.push({ ...event, receivedAt: Date.now() });
    this.wake();
  }
  complete() {
    this.completed = true;
    this.wake();
  }
  wake() {
    for (const check of [...this.waiting]) check();
  }
  /** Waits until find returns something; it is given the watcher. */
  async until(what, find, limit = 60_000) {
    const present = find(this);
    if (present) return present;
    return new Promise((resolve, reject) => {
      const done = (end, value) => {
        clearTimeout(timer);
        this.waiting = this.waiting.filter((other) => other !== check);
        end(value);
      };
      const check = () => {
        const value = find(this);
        if (value) done(resolve, value);
      };
      const timer = setTimeout(
        () => done(reject, new Error(`${this.name}: no ${what} within ${limit / 1000} s; got ${JSON.stringify(this.events)}`)),
        limit,
      );
      this.waiting.push(check);
    });
  }
  /** Waits for an event of a type. */
  event(type, more = () => true) {
    return this.until(type, () => this.events.find((e) => e.__typename === type && more(e)));
  }
  /** Waits for any event that find accepts. */
  see(what, find) {
    return this.until(what, () => this.events.find(find), 10_000);
  }
}

/** Opens a socket when the first subscription needs it, and again when it broke. */
export const openSocket = (url, token, closed = () => {}) => createSocket({
  url: `${url.replace(/^http/, 'ws')}/graphql`,
  webSocketImpl: WebSocket,
  connectionParams: async () => ({ authorization: `Bearer ${token()}` }),
  lazy: true,
  retryAttempts: Infinity,
  on: { closed: (event) => closed(event.code) },
});

// --- The three clients. Each has ask(name, variables), which returns the first
// field's data or throws a Refusal, and watch(name, variables), which returns a Watcher.

/** fetch for commands, graphql-ws for what is live. */
export function plainClient(url, token, closed) {
  const socket = openSocket(url, token, closed);
  return {
    ask: (name, variables) => ask(url, name, variables, token()),
    async watch(name, variables = {}) {
      const watcher = new Watcher('graphql-ws');
      socket.subscribe({ query: await document(name), variables }, {
        next: ({ data }) => data && watcher.add(Object.values(data)[0]),
        error: () => watcher.complete(),
        complete: () => watcher.complete(),
      });
      return watcher;
    },
    close: () => socket.dispose(),
  };
}

/** urql, whose subscriptions go over graphql-ws. */
export function urqlClient(url, token, closed) {
  const socket = openSocket(url, token, closed);
  const client = new UrqlClient({
    url: `${url}/graphql`,
    preferGetMethod: false,
    fetchOptions: () => ({ headers: { authorization: `Bearer ${token()}` } }),
    exchanges: [
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }) => ({
          subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
        }),
      }),
    ],
  });
  return {
    async ask(name, variables = {}) {
      const text = await document(name);
      const send = isMutation(text) ? client.mutation(text, variables) : client.query(text, variables);
      const { data, error } = await send.toPromise();
      if (error) throw error.graphQLErrors.length ? new Refusal(name, error.graphQLErrors[0]) : error;
      return Object.values(data)[0];
    },
    async watch(name, variables = {}) {
      const watcher = new Watcher('urql');
      client.subscription(await document(name), variables).subscribe(({ data, error }) => {
        if (data) watcher.add(Object.values(data)[0]);
        if (error) watcher.complete();
      });
      return watcher;
    },
    close: () => socket.dispose(),
  };
}

/** Apollo Client, with its own link for subscriptions over graphql-ws. */
export function apolloClient(url, token, closed) {
  const socket = openSocket(url, token, closed);
  const signed = (uri, init) => fetch(uri, { ...init, headers: { ...init.headers, authorization: `Bearer ${token()}` } });
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.split(
      ({ operationType }) => operationType === 'subscription',
      new GraphQLWsLink(socket),
      new HttpLink({ uri: `${url}/graphql`, fetch: signed }),
    ),
    defaultOptions: { query: { fetchPolicy: 'network-only' } },
  });
  return {
    async ask(name, variables = {}) {
      const text = await document(name);
      try {
        const { data } = isMutation(text)
          ? await client.mutate({ mutation: gql(text), variables })
          : await client.query({ query: gql(text), variables });
        return Object.values(data)[0];
      } catch (error) {
        throw CombinedGraphQLErrors.is(error) ? new Refusal(name, error.errors[0]) : error;
      }
    },
    async watch(name, variables = {}) {
      const watcher = new Watcher('Apollo Client');
      client.subscribe({ query: gql(await document(name)), variables }).subscribe({
        next: ({ data }) => data && watcher.add(Object.values(data)[0]),
        error: () => watcher.complete(),
        complete: () => watcher.complete(),
      });
      return watcher;
    },
    close: () => socket.dispose(),
  };
}

const isMutation = (text) => /^mutation\b/m.test(text);
