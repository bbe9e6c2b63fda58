// Package npm holds the npm lock file that internal/devdb installs
// PostgreSQL from where the system has none. The packages carry programs
// without an installer of their own: npm's integrity hashes pin every byte.
//
// To move to another version, change package.json and run
// "npm install --package-lock-only" in this folder.
package npm

import "embed"

// Files are package.json and package-lock.json.
//
//go:embed package.json package-lock.json
var Files embed.FS
