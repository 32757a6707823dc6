# The everyday commands.

.DEFAULT_GOAL := help
.PHONY: help run test race lint fuzz conformance majors random ci

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

random: ## the fake against a real server, 100,000 random operations
	MASSIVE_RANDOM_OPERATIONS=100000 go test -run TestRandom -timeout 30m -v ./sqltest

ci: ## everything that decides
	.ci/run
