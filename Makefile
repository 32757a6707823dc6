# The everyday commands.

.DEFAULT_GOAL := help
.PHONY: help run test race lint fuzz conformance majors random bench benchmarks ci nightly

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

run: ## the main job, on a throwaway Postgres
	go run ./examples/quickstart

test: ## all tests
	go test ./...

race: ## all tests, with the race detector
	go test -race ./...

lint: ## what .ci/run lints
	.ci/lint

fuzz: ## names against a real server, for a minute
	go test -run '^$$' -fuzz FuzzNames -fuzztime 1m ./massive

conformance: ## how many conformance cases there are, and where they pass
	go run ./sqltest/internal/conformance

majors: ## the same on PostgreSQL 13 to 18, or on some: make majors MAJORS="13 18"
	.ci/majors $(MAJORS)

random: ## the fake against a real server, 100,000 random operations, or as many as: make random OPERATIONS=30000
	MASSIVE_RANDOM_OPERATIONS=$(or $(OPERATIONS),100000) go test -run TestRandom -timeout 30m -v ./sqltest

bench: ## compare operations with the bare driver, about ten minutes; make bench RUN='Next|Load' for some lines
	go run ./bench -run '$(RUN)'

benchmarks: ## the same with MassiveJS, and write BENCHMARKS.md and its plots
	npm ci --prefix bench/peers
	go run ./bench -write .
	GOWORK=off go run -C bench/plot .

ci: ## everything that decides
	.ci/run

nightly: ## that and everything that takes long: all majors, random operations, crashes
	.ci/nightly
