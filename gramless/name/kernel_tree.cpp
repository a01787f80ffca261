// SPDX-License-Identifier: MIT
// Implements the reader of kernel names.
#include "gramless/name/kernel_tree.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "gramless/base/text.h"
#include "gramless/error.h"
#include "gramless/ir/operators.h"
#include "gramless/ir/syntax.h"
#include "gramless/name/formula_kernels.h"

namespace gramless {
namespace {

constexpr std::string_view kAtomForm = "'atom(x,y)'";

/// A tree, with what is known of its values.
struct Checked {
  KernelTree tree;
  bool nonnegative = false;
  bool has_atoms = false;
  double value = 0;  // Where there are no atoms.
};

double combine(KernelNode kind, double a, double b) {
  switch (kind) {
    case KernelNode::add:
      return a + b;
    case KernelNode::subtract:
      return a - b;
    case KernelNode::multiply:
      return a * b;
    case KernelNode::divide:
      return a / b;
    case KernelNode::power:
      return power(a, b);
    case KernelNode::negate:
      return -a;
    case KernelNode::number:
    case KernelNode::atom:
    case KernelNode::own:
      break;
  }
  throw InternalError("combine(): not an operator.");
}

class KernelReader {
 public:
  KernelReader(const Source& source, const std::vector<OwnFormula>& atoms)
      : source_(source), atoms_(atoms) {}

  ParsedKernel read_all() {
    kernel_.tree = read(parse_syntax(source_)).tree;
    kernel_.x_count = kernel_.pairs.size();
    kernel_.y_count = kernel_.pairs.size();
    return std::move(kernel_);
  }

 private:
  Checked read(const Syntax& syntax) {
    Checked result = read_node(syntax);
    result.tree.is_nonnegative = result.nonnegative;
    return result;
  }

  Checked read_node(const Syntax& syntax) {
    switch (syntax.kind) {
      case SyntaxKind::number: {
        const double value = syntax.number;
        return {{KernelNode::number, value, 0, {}}, value >= 0, false, value};
      }
      case SyntaxKind::call:
        return read_atom(syntax);
      case SyntaxKind::negate:
        return read_operator(KernelNode::negate, syntax);
      case SyntaxKind::add:
        return read_operator(KernelNode::add, syntax);
      case SyntaxKind::subtract:
        return read_operator(KernelNode::subtract, syntax);
      case SyntaxKind::multiply:
        return read_operator(KernelNode::multiply, syntax);
      case SyntaxKind::divide:
        return read_operator(KernelNode::divide, syntax);
      case SyntaxKind::power:
        return read_power(syntax);
      case SyntaxKind::dot:
        break;
      case SyntaxKind::name:
        fail_at(source_, syntax,
                concat("expected an atom with its pair of variables, got ",
                       quoted(syntax.name)),
                concat(" Write ", kAtomForm, "."));
      case SyntaxKind::element:
        fail_at(source_, syntax,
                concat("expected an atom with round brackets, got ",
                       quoted(syntax.name + "[")),
                concat(" Write ", kAtomForm, "."));
    }
    throw InternalError("read_node(): unknown kind of syntax.");
  }

  Checked read_operator(KernelNode kind, const Syntax& syntax) {
    Checked result{{kind, 0, 0, {}}, true, false, 0};
    std::vector<double> values;
    for (const Syntax& operand : syntax.operands) {
      Checked checked = read(operand);
      result.nonnegative = result.nonnegative && checked.nonnegative;
      result.has_atoms = result.has_atoms || checked.has_atoms;
      values.push_back(checked.value);
      result.tree.operands.push_back(std::move(checked.tree));
    }
    if (!result.has_atoms) {
      result.value = combine(kind, values.front(), values.back());
      result.nonnegative = result.value >= 0;
    } else if (kind == KernelNode::negate || kind == KernelNode::subtract) {
      result.nonnegative = false;
    }
    return result;
  }

  Checked read_power(const Syntax& syntax) {
    Checked base = read(syntax.operands[0]);
    const double exponent = syntax.number;
    const bool is_integer = exponent == std::trunc(exponent);
    if (std::abs(exponent) > kLargestExponent) {
      fail_at(source_, syntax,
              concat("expected an exponent between -1024 and 1024, got ",
                     number_text(exponent)));
    }
    if (!is_integer && !base.nonnegative) {
      fail_at(source_, syntax,
              concat("expected an integer exponent of a kernel that may be "
                     "negative, got ",
                     number_text(exponent)));
    }
    Checked result{
        {KernelNode::power, exponent, 0, {}}, false, base.has_atoms, 0};
    result.nonnegative = base.nonnegative || std::fmod(exponent, 2) == 0;
    if (!base.has_atoms) {
      result.value = combine(KernelNode::power, base.value, exponent);
    }
    result.tree.operands.push_back(std::move(base.tree));
    return result;
  }

  Checked read_atom(const Syntax& syntax) {
    const AtomRow* const row = find_row(syntax.name);
    if (row == nullptr) fail_unknown(syntax);
    if (syntax.operands.size() != 2) {
      fail_at(
          source_, syntax,
          concat("expected a pair of variables, got ", syntax.operands.size(),
                 " argument", syntax.operands.size() == 1 ? "" : "s"),
          concat(" Write '", syntax.name, "(x,y)'."));
    }
    const std::size_t pair = find_pair(syntax.operands[0], syntax.operands[1]);
    kernel_.atoms.push_back({row, pair, syntax.name});
    const std::size_t slot = kernel_.atoms.size() - 1;
    for (const auto& atom : kernel_.own_atoms) {
      if (row != &atom->row) continue;
      const FormulaVariables variables = {
          {"{X}", {'x', pair}}, {"{Y}", {'y', pair}}, {"{G}", {'g', slot}}};
      KernelTree tree = read_own_formula(atom->formula, variables, kernel_);
      tree.gamma_slot = slot;
      const bool is_nonnegative = tree.is_nonnegative;
      return {std::move(tree), is_nonnegative, true, 0};
    }
    return {{KernelNode::atom, 0, slot, {}}, row->nonnegative, true, 0};
  }

  /// Returns the row of an own formula or of the catalogue.
  const AtomRow* find_row(const std::string& name) {
    for (const auto& atom : kernel_.own_atoms) {
      if (atom->formula.name == name) return &atom->row;
    }
    const auto atom =
        std::find_if(atoms_.rbegin(), atoms_.rend(),
                     [&](const OwnFormula& each) { return each.name == name; });
    if (atom == atoms_.rend()) return nullptr;
    if (!atom->atom.empty()) return catalogue_row(atom->atom);
    kernel_.own_atoms.push_back(make_own_atom(*atom));
    return &kernel_.own_atoms.back()->row;
  }

  static const AtomRow* catalogue_row(const std::string& name) {
    for (const AtomRow& row : catalogue()) {
      if (row.name == name) return &row;
    }
    throw ArgumentError(
        concat("Kernel(): expected the name of an atom of the catalogue, got ",
               quoted(name), "."));
  }

  [[noreturn]] void fail_unknown(const Syntax& syntax) {
    std::vector<std::string> names;
    for (const OwnFormula& atom : atoms_) names.push_back(atom.name);
    const std::size_t end = syntax.begin + syntax.name.size();
    std::string advice = did_you_mean(syntax.name, names);
    if (advice.empty() && !names.empty()) {
      advice = concat(" Known: ", join(names, ", "), ".");
    }
    fail_at(source_, syntax.begin, end,
            concat("expected the name of an atom, got ", quoted(syntax.name)),
            advice);
  }

  /// Returns the number of a pair, a new one if it was not seen before.
  std::size_t find_pair(const Syntax& first, const Syntax& second) {
    for (const Syntax* variable : {&first, &second}) {
      if (variable->kind != SyntaxKind::name) {
        const std::string_view text = source_.text;
        fail_at(source_, *variable,
                concat("expected the name of a variable, got ",
                       quoted(text.substr(variable->begin,
                                          variable->end - variable->begin))));
      }
    }
    if (first.name == second.name) {
      fail_at(source_, first.begin, second.end,
              concat("expected two different variables, got ",
                     quoted(first.name), " twice"));
    }
    for (std::size_t p = 0; p < kernel_.pairs.size(); ++p) {
      const auto& [i_name, j_name] = kernel_.pairs[p];
      if (first.name == i_name && second.name == j_name) return p;
      for (const Syntax* variable : {&first, &second}) {
        if (variable->name == i_name || variable->name == j_name) {
          fail_at(source_, *variable,
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

  const Source& source_;
  const std::vector<OwnFormula>& atoms_;
  ParsedKernel kernel_;
};

/// Returns the texts of a formula and what their variables stand for.
std::string formula_text(const OwnFormulaUse& use) {
  std::string text;
  for (const auto& formula : {use.sum, use.log}) {
    text += "{";
    for (const char c : formula ? formula->source.text : std::string()) {
      if (c != ' ') text += c;
    }
    text += "}";
  }
  for (const auto& [name, variable] : use.variables) {
    text += concat(" ", name, variable.kind, variable.number);
  }
  return text;
}

std::string tree_text(const KernelTree& tree, const ParsedKernel& kernel) {
  constexpr std::array<std::string_view, 9> kSymbols = {
      "", "", "own", "neg", "+", "-", "*", "/", "**"};
  if (tree.kind == KernelNode::number) return number_text(tree.number);
  if (tree.kind == KernelNode::own) {
    return formula_text(kernel.formulas[tree.formula]);
  }
  if (tree.kind == KernelNode::atom) {
    const AtomUse& use = kernel.atoms[tree.gamma_slot];
    return concat(use.row->name, "(", use.pair, ")");
  }
  std::string text = concat("(", kSymbols[static_cast<std::size_t>(tree.kind)]);
  for (const KernelTree& operand : tree.operands) {
    text += " " + tree_text(operand, kernel);
  }
  if (tree.kind == KernelNode::power) text += " " + number_text(tree.number);
  return text + ")";
}

}  // namespace

std::vector<OwnFormula> catalogue_atoms() {
  std::vector<OwnFormula> atoms;
  for (const AtomRow& row : catalogue()) {
    const std::string name(row.name);
    atoms.push_back({name, "", "", name});
  }
  return atoms;
}

ParsedKernel parse_kernel(const std::string& name,
                          const std::vector<OwnFormula>& atoms) {
  const Source source{name, "Kernel()"};
  return KernelReader(source, atoms).read_all();
}

std::string structure_text(const ParsedKernel& kernel) {
  return tree_text(kernel.tree, kernel);
}

}  // namespace gramless
