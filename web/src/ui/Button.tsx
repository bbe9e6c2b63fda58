import type { ReactNode } from 'react';
import { Button as AriaButton, type ButtonProps as AriaButtonProps } from 'react-aria-components';
import { Kbd } from './Kbd';

export type Kind = 'primary' | 'ordinary' | 'quiet' | 'danger' | 'danger-tint' | 'danger-solid';

export interface ButtonProps extends Omit<AriaButtonProps, 'children' | 'className' | 'style'> {
  kind?: Kind;
  size?: 'small' | 'ordinary' | 'big';
  icon?: ReactNode;
  shortcut?: string; // the key that does the same
  /** A button of one icon; its children are its name for those who cannot see it. */
  iconOnly?: boolean;
  children: ReactNode;
}

/** A button keeps its width while it is busy, and says why it is disabled by its label. */
export function Button({ kind = 'ordinary', size = 'ordinary', icon, shortcut, iconOnly, children, ...rest }: ButtonProps) {
  const classes = ['btn', kind !== 'ordinary' && kind, size !== 'ordinary' && size, iconOnly && 'icon'].filter(Boolean).join(' ');
  return (
    <AriaButton {...rest} className={classes}>
      {rest.isPending ? <span className="spinner" aria-hidden="true" /> : icon}
      {iconOnly ? <span className="sr-only">{children}</span> : children}
      {shortcut && <Kbd>{shortcut}</Kbd>}
    </AriaButton>
  );
}
