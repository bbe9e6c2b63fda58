/** The mark: the line, and a way that leaves it for a station. */
export const Brand = () => (
  <svg className="brand-mark" viewBox="0 0 24 24" aria-hidden="true">
    <g fill="none" stroke="currentColor" strokeWidth="2.5" strokeLinecap="round">
      <path d="M7 6v3a6.5 6.5 0 0 0 6.5 6.5" />
      <circle cx="17.2" cy="15.5" r="3.4" />
      <path className="brand-line" d="M7 2v20" />
    </g>
  </svg>
);
