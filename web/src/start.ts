// The start page: it says whether the API answers, chooses the theme, and lets
// the number keys choose an answer.

type Theme = 'system' | 'light' | 'dark';
const themeKey = 'branchline.theme';

function chosenTheme(): Theme {
  const set = document.documentElement.dataset.theme;
  return set === 'light' || set === 'dark' ? set : 'system';
}

for (const input of document.querySelectorAll<HTMLInputElement>('input[name=theme]')) {
  input.checked = input.value === chosenTheme();
  input.addEventListener('change', () => {
    const theme = input.value as Theme;
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    try {
      if (theme === 'system') localStorage.removeItem(themeKey);
      else localStorage.setItem(themeKey, theme);
    } catch {
      // Storage is blocked: the choice holds until the page is left.
    }
  });
}

const answers = [...document.querySelectorAll<HTMLAnchorElement>('.answer')];

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const answer = /^[1-9]$/.test(event.key) ? answers[Number(event.key) - 1] : undefined;
  if (answer?.checkVisibility()) answer.click();
});

/** Says in the corner whether the API answers, and which version it is. */
async function showState(): Promise<void> {
  const state = document.querySelector<HTMLElement>('.state');
  if (!state) return;
  let version: string | undefined;
  try {
    const response = await fetch('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json' },
      body: JSON.stringify({ query: '{ serverInfo { version } }' }),
      signal: AbortSignal.timeout(10_000),
    });
    const answer = (await response.json()) as { data?: { serverInfo?: { version?: string } } };
    version = answer.data?.serverInfo?.version;
  } catch {
    // Said below.
  }
  state.textContent = version ? `Version ${version}` : 'The API does not answer';
  state.classList.toggle('wrong', !version);
  state.hidden = false;
}

/** Takes away the ways that are turned off on this server. */
async function showWhatIsOff(): Promise<void> {
  const response = await fetch('/api/docs/', { method: 'HEAD' });
  if (response.status !== 404) return;
  document.querySelector('main')?.classList.add('closed');
  document.querySelector<HTMLElement>('.off')?.removeAttribute('hidden');
}

void showState();
showWhatIsOff().catch(() => {
  // The server went away; a click on a link says so.
});
