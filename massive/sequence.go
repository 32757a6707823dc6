package massive

import "github.com/massivedb/massive-go/registry"

// InBlocks counts values between two of a sequence's steps, too. It is an option of Lag and CatchUp of a [Sequence], for
// sequences whose increment is the length of a block, as [HiLo] and NextBlock use them: all values of a block are handed
// out.
func InBlocks() registry.LagOption { return registry.InBlocks() }
