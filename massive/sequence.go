package massive

import "github.com/massivedb/massive-go/registry"

// InBlocks also counts values between two steps of the sequence. It is an option of Lag
// and CatchUp of a [Sequence]. It is for sequences whose increment is the length of a
// block, as for [HiLo] and NextBlock: all values of a block are handed out.
func InBlocks() registry.LagOption { return registry.InBlocks() }
