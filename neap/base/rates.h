// What this machine reaches, measured once and kept: plans made from these rates are the same from run to run, whatever else runs.
#pragma once
#include <filesystem>
#include <optional>

#include "neap/base/machine.h"

namespace neap {

// Measures now, for some tens of milliseconds, or up to a second where rounds do not agree because the machine is busy: the best of all
// rounds, within what CPUs of the kind reach.
Rates measure_rates();

// The file in a folder where rates are kept for this CPU, this number of threads, and what of this build bears on the measurement.
std::filesystem::path rates_file(const std::filesystem::path& folder);
// What is kept there; nothing where there is no such file, others may write to it, or it is damaged or beyond what CPUs reach.
std::optional<Rates> read_rates(const std::filesystem::path& file);
// Replaces the file whole. Error where it cannot be written.
void write_rates(const std::filesystem::path& file, const Rates& rates);

// cache_folder()/rates, made where it is not there. Error where others may write to it.
std::filesystem::path rates_folder();
// Those that are kept in rates_folder(), else measured and, where that can be written, kept: what machine_rates() gives in a new process.
Rates kept_or_measured_rates();

}  // namespace neap
