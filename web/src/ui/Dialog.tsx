import type { ReactNode } from 'react';
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components';

export interface DialogProps {
  isOpen: boolean;
  onClose: () => void;
  title: string;
  /** Something dangerous is asked: a click beside it does not close it. */
  alert?: boolean;
  wide?: boolean;
  busy?: boolean; // it cannot be closed now
  children: ReactNode;
  footer: ReactNode;
}

/** A question over the page. Focus stays in it and goes back to where it was. */
export function Dialog({ isOpen, onClose, title, alert, wide, busy, children, footer }: DialogProps) {
  return (
    <ModalOverlay
      className="scrim"
      isOpen={isOpen}
      isDismissable={!alert && !busy}
      isKeyboardDismissDisabled={busy}
      onOpenChange={(open) => !open && onClose()}
    >
      <Modal className={wide ? 'dialog wide' : 'dialog'}>
        <AriaDialog role={alert ? 'alertdialog' : 'dialog'}>
          <div className="dialog-body">
            <Heading slot="title" level={2}>
              {title}
            </Heading>
            {children}
          </div>
          <div className="dialog-foot">{footer}</div>
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
