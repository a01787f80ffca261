// SPDX-License-Identifier: MIT
// Reads kernel names: finds atoms and pairs, and checks exponents.
#include <algorithm>
#include <cmath>

#include "gramless/base/text.h"
#include "gramless/error.h"
#include "gramless/formula/formula_reader.h"
#include "gramless/formula/other_names.h"
#include "gramless/formula/parsed_kernel.h"

namespace gramless {
namespace {

constexpr std::string_view kAtomForm = "'atom(x,y)'";

class KernelReader : public TreeReader {
 public:
  KernelReader(const Source& source, const std::vector<OwnFormula>& atoms,
               ParsedKernel& kernel)
      : TreeReader(source), atoms_(atoms), kernel_(kernel) {}

 private:
  FormulaPointer read_leaf(const Syntax& syntax) override {
    if (syntax.kind == SyntaxKind::call) return read_atom(syntax);
    const bool is_name = syntax.kind == SyntaxKind::name;
    const std::string got = is_name ? syntax.name : syntax.name + "[";
    fail_at(source(), syntax,
            concat("expected an atom with ",
                   is_name ? "its pair of variables" : "round brackets",
                   ", got ", quoted(got)),
            concat(" Write ", kAtomForm, "."));
  }

  void check_power(const Syntax& syntax, const FormulaNode& base) override {
    const double exponent = syntax.number;
    if (exponent == std::trunc(exponent) || base.known.is_nonnegative) return;
    fail_at(source(), syntax,
            concat("expected an integer exponent of a kernel that may be "
                   "negative, got ",
                   number_text(exponent)));
  }

  FormulaPointer read_atom(const Syntax& syntax) {
    std::shared_ptr<const Atom> atom = find_atom(syntax);
    if (syntax.operands.size() != 2) {
      fail_at(
          source(), syntax,
          concat("expected a pair of variables, got ", syntax.operands.size(),
                 " argument", syntax.operands.size() == 1 ? "" : "s"),
          concat(" Write '", syntax.name, "(x,y)'."));
    }
    const std::size_t pair = find_pair(syntax.operands[0], syntax.operands[1]);
    const std::size_t slot = kernel_.slots.size();
    for (const Parameter parameter : atom->parameters) {
      kernel_.slots.push_back({syntax.name, parameter, pair});
    }
    kernel_.atoms.push_back({std::move(atom), pair, slot});
    return make_use(kernel_.atoms.back(), {syntax.begin, syntax.end});
  }

  /// Returns the atom of a name: one that was made before, a user's, or that of
  /// a row.
  std::shared_ptr<const Atom> find_atom(const Syntax& syntax) {
    for (const AtomUse& use : kernel_.atoms) {
      if (kernel_.slots[use.slot].atom == syntax.name) return use.atom;
    }
    const auto given = std::find_if(
        atoms_.rbegin(), atoms_.rend(),
        [&](const OwnFormula& each) { return each.name == syntax.name; });
    if (given == atoms_.rend()) fail_unknown(syntax);
    if (given->atom.empty()) return make_atom(*given);
    if (const AtomRow* row = gramless::find_atom(given->atom)) {
      return make_atom(*row);
    }
    throw ArgumentError(
        concat("Kernel(): expected the name of an atom of the catalogue, got ",
               quoted(given->atom), "."));
  }

  [[noreturn]] void fail_unknown(const Syntax& syntax) {
    std::vector<std::string> names;
    for (const OwnFormula& atom : atoms_) names.push_back(atom.name);
    const std::size_t end = syntax.begin + syntax.name.size();
    std::string advice = did_you_mean(names_here(syntax.name, names));
    if (advice.empty()) advice = did_you_mean(syntax.name, names);
    if (advice.empty() && !names.empty()) {
      advice = concat(" Known: ", join(names, ", "), ".");
    }
    fail_at(source(), syntax.begin, end,
            concat("expected the name of an atom, got ", quoted(syntax.name)),
            advice);
  }

  /// Returns the number of a pair, a new one if it was not seen before.
  std::size_t find_pair(const Syntax& first, const Syntax& second) {
    for (const Syntax* variable : {&first, &second}) {
      if (variable->kind != SyntaxKind::name) {
        const std::string_view text = source().text;
        fail_at(source(), *variable,
                concat("expected the name of a variable, got ",
                       quoted(text.substr(variable->begin,
                                          variable->end - variable->begin))));
      }
    }
    if (first.name == second.name) {
      fail_at(source(), first.begin, second.end,
              concat("expected two different variables, got ",
                     quoted(first.name), " twice"));
    }
    for (std::size_t p = 0; p < kernel_.pairs.size(); ++p) {
      const auto& [i_name, j_name] = kernel_.pairs[p];
      if (first.name == i_name && second.name == j_name) return p;
      for (const Syntax* variable : {&first, &second}) {
        if (variable->name == i_name || variable->name == j_name) {
          fail_at(source(), *variable,
                  concat("expected each variable in one pair only, got ",
                         quoted(variable->name), " in two"),
                  concat(" A second pair needs names of its own, such as ",
                         "'(u,v)'."));
        }
      }
    }
    kernel_.pairs.emplace_back(first.name, second.name);
    return kernel_.pairs.size() - 1;
  }

  const std::vector<OwnFormula>& atoms_;
  ParsedKernel& kernel_;
};

}  // namespace

ParsedKernel parse_kernel(const std::string& name,
                          const std::vector<OwnFormula>& atoms) {
  ParsedKernel kernel;
  const Source source{name, "Kernel()"};
  kernel.formula.source = source;
  kernel.formula.root =
      KernelReader(source, atoms, kernel).read(parse_syntax(source));
  kernel.x_count = kernel.pairs.size();
  kernel.y_count = kernel.pairs.size();
  return kernel;
}

}  // namespace gramless
