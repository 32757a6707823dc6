module github.com/massivedb/massive-go/dialect/mariadb

go 1.25.0

require (
	github.com/go-sql-driver/mysql v1.10.1
	github.com/massivedb/massive-go v0.0.0
)

require (
	filippo.io/edwards25519 v1.2.0 // indirect
	github.com/jmoiron/sqlx v1.4.0 // indirect
)
