import { toast, toastWrong } from './toast';

/** Copies a text and says so, for those too who do not see the toast. */
export async function copy(text: string, said = 'Copied'): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    toast(said);
    return true;
  } catch {
    toastWrong('The browser does not let this page copy. Select the text and copy it by hand.');
    return false;
  }
}
