// Package migrations holds the database's schema as numbered pairs of SQL
// files. Each file runs in a transaction of its own. The SQL is written by hand:
// it is what the database will do, so it is what a reviewer has to read.
package migrations

import "embed"

// FS holds the .tx.up.sql and .tx.down.sql files.
//
//go:embed *.sql
var FS embed.FS
