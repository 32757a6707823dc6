// Package orms uses the library together with ORMs and other wrappers of database/sql. Its
// tests are the code of the guide docs/orms.md.
package orms
