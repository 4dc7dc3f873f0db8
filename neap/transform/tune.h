// Tuning: the costliest kernels measured with other parameters of the transformations inside an operator (level 1). What wins by more than
// noise is applied like any other edit. What was found is kept in the cache by kernel, sizes, threads, CPU and build of this program, so
// that the next run measures nothing.
#pragma once
#include "neap/transform/optimizer.h"

namespace neap {

// Tunes until the time is over; a kernel that was not finished then is begun anew the next time. Kernels that read positions from their
// data are left alone: random elements would not stand for them.
Tuning tune(Optimizer& optimizer, const TuneOptions& options);

}  // namespace neap
