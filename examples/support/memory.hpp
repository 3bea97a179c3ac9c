// Whether a plan fits the machine, asked before the first step instead of found out in the middle.
#pragma once
#include <cstddef>

// Throws ConfigError if a plan needs more bytes than the machine has in all. Says nothing where the machine does not tell.
void require_memory(std::size_t bytes);
