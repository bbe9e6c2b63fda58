import type { LucideIcon } from 'lucide-react';

/** An icon beside words, which say what it means. */
export const Icon = ({ of: Of, size }: { of: LucideIcon; size?: 14 | 20 | undefined }) => <Of className={size ? `i s${size}` : 'i'} aria-hidden="true" />;
