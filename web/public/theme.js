// Sets the chosen theme before the first paint, so that nothing flashes. A module
// would run too late, and the pages' policy allows no inline script.
try {
  const theme = localStorage.getItem('branchline.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is blocked: the system's theme holds.
}
