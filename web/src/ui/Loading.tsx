/** Outlines of what is on its way, after a fifth of a second. */
export const Loading = ({ rows = 3, label = 'Loading' }: { rows?: number; label?: string }) => (
  <div className="skel-rows" role="status" aria-label={label}>
    {Array.from({ length: rows }, (_, i) => (
      <span key={i} className="skel" style={{ width: `${[85, 60, 40][i % 3]}%` }} />
    ))}
  </div>
);
