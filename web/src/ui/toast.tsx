// Short news at the corner. The only file that knows React Aria's toasts, whose
// names may still change.
import { Check, CircleAlert, X } from 'lucide-react';
import {
  Text,
  UNSTABLE_Toast as Toast,
  UNSTABLE_ToastContent as ToastContent,
  UNSTABLE_ToastQueue as ToastQueue,
  UNSTABLE_ToastRegion as ToastRegion,
} from 'react-aria-components';
import { Button } from './Button';
import { Icon } from './Icon';

interface News {
  text: string;
  wrong?: boolean;
  action?: { label: string; run: () => void };
}

const queue = new ToastQueue<News>({ maxVisibleToasts: 3 });

const shownFor = 6000; // ms; it pauses while the pointer or the focus is in it

/** Says that something is done, with a way to undo it where there is one. */
export function toast(text: string, action?: News['action']): void {
  queue.add({ text, ...(action && { action }) }, { timeout: shownFor });
}

/** Says that something did not work and nothing else on the page does. */
export function toastWrong(text: string, action?: News['action']): void {
  queue.add({ text, wrong: true, ...(action && { action }) }, { timeout: 2 * shownFor });
}

export const Toasts = () => (
  <ToastRegion queue={queue} className="toasts">
    {({ toast: one }) => (
      <Toast toast={one} className={one.content.wrong ? 'toast red' : 'toast'}>
        <Icon of={one.content.wrong ? CircleAlert : Check} />
        <ToastContent>
          <Text slot="title">{one.content.text}</Text>
        </ToastContent>
        {one.content.action && (
          <Button
            kind="quiet"
            size="small"
            onPress={() => {
              one.content.action?.run();
              queue.close(one.key);
            }}
          >
            {one.content.action.label}
          </Button>
        )}
        <Button slot="close" kind="quiet" iconOnly icon={<Icon of={X} />}>
          Dismiss
        </Button>
      </Toast>
    )}
  </ToastRegion>
);
