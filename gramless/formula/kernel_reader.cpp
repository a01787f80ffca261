// SPDX-License-Identifier: MIT
// Reads kernel names: finds atoms and pairs, and checks exponents.
#include <algorithm>
#include <cmath>

#include "gramless/base/text.h"
#include "gramless/error.h"
#include "gramless/formula/parsed_kernel.h"
#include "gramless/formula/signs.h"

namespace gramless {
namespace {

constexpr std::string_view kAtomForm = "'atom(x,y)'";
constexpr double kLargestExponent = 1024;

class KernelReader {
 public:
  KernelReader(const std::string& name, const std::vector<OwnFormula>& atoms)
      : atoms_(atoms) {
    kernel_.source = {name, "Kernel()"};
  }

  ParsedKernel read_all() {
    kernel_.tree = parse_syntax(kernel_.source);
    kernel_.is_nonnegative = read(kernel_.tree).is_nonnegative;
    kernel_.x_count = kernel_.pairs.size();
    kernel_.y_count = kernel_.pairs.size();
    return std::move(kernel_);
  }

 private:
  [[nodiscard]] const Source& source() const { return kernel_.source; }

  Known read(const Syntax& tree) {
    return fold_chain(
        tree, [&](const Syntax& syntax) { return read_operand(syntax); },
        [](const Syntax& node, Known left, Known right) {
          return known_of(operator_text(node.kind), {left, right});
        });
  }

  Known read_operand(const Syntax& syntax) {
    switch (syntax.kind) {
      case SyntaxKind::number:
        return known_number(syntax.number);
      case SyntaxKind::call:
        return read_atom(syntax);
      case SyntaxKind::power:
        return read_power(syntax);
      case SyntaxKind::negate:
        return known_of(operator_text(syntax.kind), {read(syntax.operands[0])});
      case SyntaxKind::add:
      case SyntaxKind::subtract:
      case SyntaxKind::multiply:
      case SyntaxKind::divide:
        return read(syntax);
      case SyntaxKind::dot:
        break;
      case SyntaxKind::name:
        fail_at(source(), syntax,
                concat("expected an atom with its pair of variables, got ",
                       quoted(syntax.name)),
                concat(" Write ", kAtomForm, "."));
      case SyntaxKind::element:
        fail_at(source(), syntax,
                concat("expected an atom with round brackets, got ",
                       quoted(syntax.name + "[")),
                concat(" Write ", kAtomForm, "."));
    }
    throw InternalError("read_operand(): unknown kind of syntax.");
  }

  Known read_power(const Syntax& syntax) {
    const Known base = read(syntax.operands[0]);
    const double exponent = syntax.number;
    const bool is_integer = exponent == std::trunc(exponent);
    if (std::abs(exponent) > kLargestExponent) {
      fail_at(source(), syntax,
              concat("expected an exponent between -1024 and 1024, got ",
                     number_text(exponent)));
    }
    if (!is_integer && !base.is_nonnegative) {
      fail_at(source(), syntax,
              concat("expected an integer exponent of a kernel that may be "
                     "negative, got ",
                     number_text(exponent)));
    }
    return known_power(base, exponent);
  }

  Known read_atom(const Syntax& syntax) {
    std::shared_ptr<const Atom> atom = find_atom(syntax);
    if (syntax.operands.size() != 2) {
      fail_at(
          source(), syntax,
          concat("expected a pair of variables, got ", syntax.operands.size(),
                 " argument", syntax.operands.size() == 1 ? "" : "s"),
          concat(" Write '", syntax.name, "(x,y)'."));
    }
    const std::size_t pair = find_pair(syntax.operands[0], syntax.operands[1]);
    const Known known{atom->is_nonnegative};
    const std::size_t slot = kernel_.slots.size();
    for (const Parameter parameter : atom->parameters) {
      kernel_.slots.push_back({syntax.name, parameter, pair});
    }
    kernel_.atoms.push_back({std::move(atom), pair, slot, syntax.begin});
    return known;
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
    std::string advice = did_you_mean(syntax.name, names);
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
  ParsedKernel kernel_;
};

}  // namespace

ParsedKernel parse_kernel(const std::string& name,
                          const std::vector<OwnFormula>& atoms) {
  return KernelReader(name, atoms).read_all();
}

}  // namespace gramless
