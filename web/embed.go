// Package web holds the web UI as Vite built it: index.html, assets/, and .gz and .br siblings of what compresses.
// A build without Node holds only placeholder.html. collector/api decides how the files are served.
package web

import "embed"

// FS has the files below dist.
//
//go:embed all:dist
var FS embed.FS
