// Whether strangers may open an account here. The operator decides.
import { useEffect, useState } from 'react';
import { post } from '../../api/post';

const document = 'query RegistrationOpen { serverInfo { registrationOpen } }';

let known: boolean | undefined; // it changes with the server's settings, so with its restart

/**
 * Whether anybody may open an account; undefined until the server has said so. Where it
 * cannot be asked it counts as open: what is sent then says why it fails.
 */
export function useRegistrationOpen(): boolean | undefined {
  const [open, setOpen] = useState(known);
  useEffect(() => {
    if (known !== undefined) return;
    let over = false;
    void post<{ serverInfo: { registrationOpen: boolean } }>(document).then(({ data }) => {
      known = data?.serverInfo.registrationOpen;
      if (!over) setOpen(known ?? true);
    });
    return () => {
      over = true;
    };
  }, []);
  return open;
}
