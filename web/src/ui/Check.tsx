import { Check as CheckMark } from 'lucide-react';
import type { ReactNode } from 'react';
import { Checkbox, type CheckboxProps } from 'react-aria-components';

/** A box to tick, with its words. */
export const Check = ({ children, ...rest }: { children: ReactNode } & Omit<CheckboxProps, 'children' | 'className' | 'style'>) => (
  <Checkbox {...rest} className="check">
    <span className="box" aria-hidden="true">
      <CheckMark />
    </span>
    <span>{children}</span>
  </Checkbox>
);
