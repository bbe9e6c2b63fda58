// Parts of the app that are loaded when they are first asked for. Where that fails, either
// a new version took their place, or nobody is there to ask.
import { messages } from './messages/en';

/** The server was not reached. */
export class Unreachable extends Error {}

/** Whether the server answers at all, whatever it says. */
export const isReachable = (): Promise<boolean> =>
  fetch('/favicon.svg', { method: 'HEAD', cache: 'no-store' }).then(
    () => true,
    () => false,
  );

/** Loads a part; without a connection it fails as Unreachable, with words for people. */
export const part =
  <T>(load: () => Promise<T>): (() => Promise<T>) =>
  () =>
    load().catch(async (error: unknown) => {
      throw (await isReachable()) ? error : new Unreachable(messages.notLoaded);
    });
