# The everyday commands.

.DEFAULT_GOAL := help
.PHONY: help run test race lint fuzz conformance majors dialects random bench benchmarks ci nightly

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

run: ## a tour of the library, on a temporary Postgres
	go run ./examples/quickstart

test: ## all tests
	go test ./...

race: ## all tests with the race detector
	go test -race ./...

lint: ## go vet, golangci-lint and banned words
	.ci/lint

fuzz: ## fuzz quoted names on a server for one minute
	go test -run '^$$' -fuzz FuzzNames -fuzztime 1m ./massive

conformance: ## run the conformance suite and count its cases
	go run ./sqltest/internal/conformance

majors: ## the same on PostgreSQL 13 to 18; make majors MAJORS="13 18" selects some
	.ci/majors $(MAJORS)

dialects: ## run the conformance suite on all databases, and write the table in docs/dialects.md
	go run ./sqltest/internal/conformance dialects

random: ## compare the fake with a server by 100,000 random operations; OPERATIONS=30000 sets the number
	MASSIVE_RANDOM_OPERATIONS=$(or $(OPERATIONS),100000) go test -run TestRandom -timeout 30m -v ./sqltest

bench: ## compare operations with the plain driver, about ten minutes; RUN='Next|Load' selects lines
	go run ./bench -run '$(RUN)'

benchmarks: ## compare with MassiveJS as well; write BENCHMARKS.md and its plots
	npm ci --prefix bench/peers
	go run ./bench -write .
	GOWORK=off go run -C bench/plot .

ci: ## decide whether a change is good
	.ci/run

nightly: ## ci, all majors, random operations and crashes; takes long
	.ci/nightly
