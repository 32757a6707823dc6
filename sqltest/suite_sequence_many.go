package sqltest

func manySequenceRules() []rule { return nil }
