// Every word that people read in more than one place, or that is made of parts.
// Words that stand once, in one page's layout, stand there.

const count = new Intl.PluralRules('en');

/** "1 device", "8 devices". */
export const counted = (n: number, one: string, many: string): string => `${n} ${count.select(n) === 'one' ? one : many}`;

export const messages = {
  product: 'Branchline',
  away: 'The server did not answer. Check the connection and try again.',
  offline: 'You are offline, so nothing was sent. Try again when the connection is back.',
  notLoaded: 'This part of the app was not loaded before, and the server cannot be reached. It opens by itself when the connection is back; what you did is kept.',
  tryAgain: 'Try again',
  request: (id: string) => `Request ${id}`,

  roles: { OWNER: 'Owner', ADMIN: 'Admin', ENGINEER: 'Engineer', VIEWER: 'Viewer' },
  outcomes: { RESOLVED: 'Resolved', ESCALATED: 'Escalated', UNRESOLVED: 'Unresolved' },
  kinds: { DECISION: 'Question', ACTION: 'Action', INPUT: 'Input', SUBTREE: 'Other tree', SOLUTION: 'Solution' },

  nav: { trees: 'Trees', sessions: 'Sessions', escalations: 'Escalations', clients: 'Clients', account: 'Account' },

  expiry: {
    idle: (time: string) => `You will be signed out at ${time}`,
    idleShort: (time: string) => `Signing you out at ${time}`,
    idleWhy: ', because nothing was done here for a while. What you did is saved.',
    absolute: (time: string) => `Your login ends at ${time}`,
    absoluteWhy: ' in any case. What you did is saved; it cannot be extended.',
    notice: (time: string) => `Your login ends at ${time} in any case. What you do is saved.`,
    left: (time: string) => `${time} left`,
    title: (minutes: number) => `(${minutes} min left)`,
    stay: 'Stay signed in',
    signInNow: 'Sign in now',
    dismiss: 'Dismiss, keep the deadline',
    announce: (minutes: string) => `${minutes} until you are signed out`,
  },

  signedOut: {
    REVOKED_BY_OWNER: { title: 'An account owner signed you out', text: (at: string) => `This login was ended at ${at}.` },
    PASSWORD_CHANGED: { title: 'Your password was changed', text: (at: string) => `It was changed on another device at ${at}, which signs all others out. Sign in with the new one.` },
    USER_DISABLED: { title: 'Your user was disabled', text: (at: string) => `Since ${at} you cannot sign in. Ask an owner of your account.` },
    TOKEN_REUSE: { title: 'You were signed out to be safe', text: (at: string) => `At ${at} something used an old copy of this login. If that was not you, change your password after you sign in.` },
    SESSION_LIMIT: { title: 'You signed in on another device', text: (at: string) => `Your account allows only so many devices at a time, so this login, which was idle longest, ended at ${at}.` },
    other: { title: 'You were signed out', text: (at: string) => `This login was ended at ${at}.` },
    kept: 'Nothing that you had entered is lost.',
  },

  connection: {
    offline: 'Offline.',
    reconnecting: 'Reconnecting…',
    shown: (time: string) => `Showing what was loaded until ${time}.`,
    kept: 'Steps and notes of a session are kept and sent when it is back.',
    rest: 'Nothing else can be changed until then.',
  },

  shortcuts: 'Keyboard shortcuts',

  history: {
    filters: 'Which sessions are shown',
    whose: 'Whose',
    mine: 'Mine',
    involved: 'I had a part in',
    team: 'Everybody’s',
    which: 'How they ended',
    all: 'Any end',
    running: 'In progress',
    over: 'Over',
    abandoned: 'Given up',
    tree: 'Tree',
    anyTree: 'Any tree',
    showTrees: 'Show trees',
    noTree: 'No tree is called that.',
    client: 'Client',
    anyClient: 'Any client',
    showClients: 'Show clients',
    noClient: 'No client is called that.',
    ticket: 'Ticket',
    anyTicket: 'Any ticket',
    looking: 'Looking…',
    from: 'From',
    to: 'To',
    clear: 'Clear filters',
    backward: 'These days end before they begin. Choose a later “To”, or an earlier “From”.',
    noneMatch: 'No session matches',
    noneMatchText: 'Widen the days, or clear what is chosen above.',
    showAll: 'Show all sessions',
    none: 'No sessions here yet',
    noneText: 'A session begins with a tree, or with a subject alone. Its record comes by itself.',
  },
} as const;
