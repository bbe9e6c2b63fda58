// Subscribes with the stock graphql-ws client at the URL in the first argument
// and prints what happens, one line each. The server side drives it. The second
// connection and later ones use the tokens that follow in the arguments.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [url, ...tokens] = process.argv.slice(2);
const say = (...words) => console.log(words.join(' '));

const client = createClient({
  url,
  webSocketImpl: WebSocket,
  connectionParams: () => {
    const token = tokens.shift();
    say('params', token);
    return { authorization: `Bearer ${token}` };
  },
  retryAttempts: Infinity,
  retryWait: () => Promise.resolve(),
  on: { closed: (event) => say('closed', event.code) },
});

await new Promise((resolve) => {
  client.subscribe(
    { query: 'subscription ($name: String!) { counter(name: $name) { value } }', variables: { name: 'a' } },
    {
      next: (result) => say('next', result.data.counter.value),
      error: (error) => resolve(say('error', error.code ?? error[0].message)),
      complete: () => resolve(say('complete')),
    },
  );
});
say('end');
