// Package db has the enums and views of schema.sql. The command massive generates it.
package db
