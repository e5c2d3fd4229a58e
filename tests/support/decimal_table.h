// SPDX-License-Identifier: Apache-2.0
// A cost table in which the digits of an energy are its counts.
#ifndef OPCOST_TESTS_SUPPORT_DECIMAL_TABLE_H_
#define OPCOST_TESTS_SUPPORT_DECIMAL_TABLE_H_

namespace opcost {

// In every format 1 mul is 1 pJ, 1 add 10^4 pJ, 1 read 10^8 pJ, 1 write 10^12
// pJ; one tier. While no count is above 9999, the energy 3'0144'0288'0072 is 3
// writes, 144 reads, 288 adds and 72 muls, and exact in a double.
inline constexpr char kDecimalTable[] = R"(schema = "opcost.costtable/1"
name = "decimal"
title = "Digits are counts: mul 1, add 10^4, read 10^8, write 10^12"
interpolate = false
default_source = "tests"

[source.tests]
cite = "nobody: for tests"

[arithmetic]
float8 = { mul = 1, add = 10_000 }
float16 = { mul = 1, add = 10_000 }
float32 = { mul = 1, add = 10_000 }
float64 = { mul = 1, add = 10_000 }
int4 = { mul = 1, add = 10_000 }
int8 = { mul = 1, add = 10_000 }
int16 = { mul = 1, add = 10_000 }
int32 = { mul = 1, add = 10_000 }
int64 = { mul = 1, add = 10_000 }

[[memory]]
name = "memory"

[memory.read]
4 = 100_000_000
8 = 100_000_000
16 = 100_000_000
32 = 100_000_000
64 = 100_000_000

[memory.write]
4 = 1_000_000_000_000
8 = 1_000_000_000_000
16 = 1_000_000_000_000
32 = 1_000_000_000_000
64 = 1_000_000_000_000
)";

}  // namespace opcost

#endif  // OPCOST_TESTS_SUPPORT_DECIMAL_TABLE_H_
