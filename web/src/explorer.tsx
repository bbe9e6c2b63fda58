// The explorer: GraphiQL with everything it needs in this build, so that it asks
// no other site for anything.
import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './explorer.css';

import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { Kind, parse } from 'graphql';
import { createClient } from 'graphql-ws';
import { StrictMode, useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';

import { accessToken, refresh, signedFetch, signedInAs, subscribe } from './signin';

const login = `# Welcome to Branchline's API.
#
# 1. Write e-mail and password below, under Variables.
# 2. Run this: Ctrl+Enter.
# 3. Go to the next tab. You now ask as that person.
#
# "branchline dev" prints its demo sign-ins.

mutation Login($input: LoginInput!) {
  login(input: $input) {
    user {
      name
      role
    }
    account {
      name
    }
    accessToken
    accessTokenExpiresAt
  }
}
`;

const loginVariables = `{
  "input": {
    "email": "",
    "password": "",
    "tokenDelivery": "COOKIE"
  }
}
`;

const trees = `# The trees of your account, with who is asking.

query Trees {
  me {
    name
    role
  }
  trees(first: 10) {
    nodes {
      id
      title
      status
      nodeCount
      updatedAt
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`;

const expiry = `# Your own login session, live: how long it lasts,
# and who ends it. Run this and leave it open.

subscription SessionExpiry {
  sessionExpiry {
    __typename
    ... on SessionState {
      serverTime
      idleExpiresAt
      absoluteExpiresAt
      level
    }
    ... on ForcedLogout {
      logoutReason
    }
  }
}
`;

const socket = createClient({
  url: `${location.origin.replace(/^http/, 'ws')}/graphql`,
  connectionParams: async () => {
    const token = await accessToken();
    return token ? { authorization: `Bearer ${token}` } : {};
  },
});

const send = createGraphiQLFetcher({ url: '/graphql', fetch: signedFetch, wsClient: socket });

// GraphiQL reads the editor a moment after it changed. Whoever runs an operation
// right after a change of tabs would have it sent under the other tab's name, and a
// subscription by POST. So what is sent is what the text itself says.
const fetcher: typeof send = (params, options) => {
  try {
    const documentAST = parse(params.query);
    const names = documentAST.definitions.flatMap((d) => (d.kind === Kind.OPERATION_DEFINITION ? [d.name?.value] : []));
    const operationName = names.includes(params.operationName ?? undefined) ? params.operationName : names[0];
    return send({ ...params, operationName }, { ...options, documentAST });
  } catch {
    return send(params, options); // the server says what is wrong with the text
  }
};

function SignedIn() {
  const who = useSyncExternalStore(subscribe, signedInAs);
  return (
    <div className="signed-in">
      <span role="status">{who ? `Signed in as ${who}` : 'Not signed in: run the tab Login'}</span>
      <a href="/api/reference">API reference</a>
    </div>
  );
}

const root = document.getElementById('explorer');
const theme = document.documentElement.dataset.theme;

void refresh().then(() => {
  if (!root) return;
  createRoot(root).render(
    <StrictMode>
      <GraphiQL
        fetcher={fetcher}
        // What is typed, a password among it, is forgotten with the tab.
        storage={sessionStorage}
        defaultTabs={[{ query: login, variables: loginVariables }, { query: trees }, { query: expiry }]}
        // The first tab's own variables are not shown without this; once there are
        // tabs of an earlier visit, theirs hold.
        initialVariables={sessionStorage.getItem('graphiql:tabState') ? undefined : loginVariables}
        defaultEditorToolsVisibility="variables"
        defaultTheme={theme === 'light' || theme === 'dark' ? theme : null}
      >
        <GraphiQL.Logo>
          <a href="/">Branchline</a>
        </GraphiQL.Logo>
        <GraphiQL.Footer>
          <SignedIn />
        </GraphiQL.Footer>
      </GraphiQL>
    </StrictMode>,
  );
});
