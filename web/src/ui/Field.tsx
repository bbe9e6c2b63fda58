import { CircleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { FieldError, Input, Label, Text, TextArea, TextField, type TextFieldProps } from 'react-aria-components';
import { Icon } from './Icon';

export interface FieldProps extends Omit<TextFieldProps, 'children' | 'className' | 'style'> {
  label: string;
  hint?: ReactNode;
  big?: boolean;
  lines?: number; // of a longer text
  placeholder?: string;
  mono?: boolean;
  errorMessage?: string | undefined; // beside what the form says of it
}

/** A text field: the label above, the hint below, and an error in the hint's place. */
export function Field({ label, hint, big, lines, placeholder, mono, errorMessage, ...rest }: FieldProps) {
  const classes = ['input', big && 'big', mono && 'mono'].filter(Boolean).join(' ');
  return (
    <TextField {...rest} className="field">
      <Label>{label}</Label>
      {lines ? <TextArea className={classes} rows={lines} placeholder={placeholder} /> : <Input className={classes} placeholder={placeholder} />}
      {/* One line is kept for what is said below, so that nothing moves when an error goes while somebody presses a button. */}
      <div className="said">
        {hint && (
          <Text slot="description" className="hint">
            {hint}
          </Text>
        )}
        <FieldError className="err">
          {({ validationErrors }) => (
            <>
              <Icon of={CircleAlert} size={14} />
              <span>{errorMessage ?? validationErrors.join(' ')}</span>
            </>
          )}
        </FieldError>
      </div>
    </TextField>
  );
}
