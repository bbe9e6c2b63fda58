/** A key, as a hint for the eye: what can be pressed is said elsewhere to others. */
export const Kbd = ({ children }: { children: string | number }) => <kbd className="kbd" aria-hidden="true" data-key={children} />;
