// SPDX-License-Identifier: Apache-2.0
// Numbers as text, alike in every locale.
#ifndef OPCOST_SRC_REPORT_NUMBERS_H_
#define OPCOST_SRC_REPORT_NUMBERS_H_

#include <cstdint>
#include <string>

#include "opcost/energy/cost_table.h"
#include "opcost/report/report.h"

namespace opcost {

// The shortest text that reads back as `number`; with ".0" where it would look
// like an integer.
std::string ShortestDouble(double number);
// With `decimals` digits behind the point.
std::string FixedDouble(double number, int decimals);
// "101,616,768".
std::string Grouped(int64_t number);
// "375,982,041.6": at most 15 significant digits, so that what binary fractions
// add to a product of decimal ones doesn't show.
std::string Grouped(double number);

// A unit that a column of energies shares.
struct EnergyScale {
  double pj = 1;  // how many pJ, or MACs, one unit is
  std::string unit = "pJ";
  int decimals = 0;

  // The number alone. "0" for none at all, "<0.01" for what would round to 0.
  std::string Number(double energy_pj) const;
  // Number(), with blanks behind a "0" so that decimal points stand in line.
  std::string Aligned(double energy_pj) const;
  // With the unit.
  std::string Text(double energy_pj) const;
  // "?" where a number would have its last digit before the point.
  std::string Unknown() const;

 private:
  std::string Padded(std::string text) const;
};

// The scale in which `largest_pj` has five significant digits: of `unit`, or of
// the largest unit that keeps it at 10 or above, so that small parts of it have
// few zeros in front.
EnergyScale ScaleFor(double largest_pj, Unit unit, EnergyUnit table_unit);

// "27.3"; "<0.1" for what would round to 0; "0" for none.
std::string Percent(double part, double whole);

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_NUMBERS_H_
