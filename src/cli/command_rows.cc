// SPDX-License-Identifier: Apache-2.0
// Every command, with what `opcost help COMMAND` says of it.
#include "src/cli/command_line.h"

namespace opcost {
namespace {

constexpr CommandRow kCommands[] = {
    {kEstimate, "estimate", "MODEL", 1, 1,
     "Print the energy of one inference, per layer and in total.",
     R"('estimate' itself may be left out. MODEL is an ONNX file, or - for
standard input; a file whose name is a command's is given as ./tables.

Each layer is lowered to exact counts of multiplications, additions, reads and
writes, and each of them has a price in a cost table. A layer that opcost
doesn't know prints as '?', the total as a lower bound, and the exit status
is 5.

Examples:
  opcost resnet50.onnx
  opcost resnet50.onnx --bits int8 --table jouppi-7nm-hbm2
  opcost llm.onnx --dim sequence=128 --unbound 1 --by op --sort energy
  opcost resnet50.onnx --reads weight=once --batch 8 --top 10
  opcost - --format json < resnet50.onnx > report.json
)"},
    {kExplain, "explain", "MODEL", 1, 1,
     "Print how each number of a layer comes about.",
     R"(Shows the formula of a layer with its numbers in it, and each price with
its table, tier and source; for all layers, or for the one that --layer names.

Examples:
  opcost explain resnet50.onnx --layer conv1
  opcost explain resnet50.onnx --layer conv1 --bits int8 --array-scope operand
)"},
    {kShapes, "shapes", "MODEL", 1, 1,
     "Print the inferred types and shapes of the graph's values.",
     R"(Symbolic dimensions that aren't given stay as they are.

Examples:
  opcost shapes llm.onnx
  opcost shapes llm.onnx --dim sequence=128 --format json
)"},
    {kCompare, "compare", "BASE VARIANT...", 2, 64,
     "Compare models side by side, layer by layer.",
     R"(Prints totals, ratios, and where each difference comes from: how weights are
stored, counts, number formats, memory tiers (docs/comparing.md has the path).
Layers align by name, then by structure: an inserted QuantizeLinear, a fused
Relu or a folded batch norm doesn't break the alignment. What has no partner
shows a dash.

A side is
  model.onnx                       a model
  model.onnx@bits=int8,batch=4     a model with options of its own: any option
                                   below that is under Number formats, Machine
                                   or Inputs, by its long name
  report.json                      a report saved with --format json; options
                                   and table of all sides must then be the same
Options that stand alone are every side's. A file whose name has an @ in it is
itself; - is a model or a report on standard input.

Examples:
  opcost compare float.onnx int8.onnx
  opcost compare net.onnx net.onnx@bits=int8 net.onnx@bits=16 --by op
  opcost compare main.json branch.onnx --max-ratio 1.10
)"},
    {kSweep, "sweep", "MODEL", 1, 1,
     "Print the totals of every combination of lists of options.",
     R"(Each option under Number formats, Machine and Inputs takes a list: values with
commas between them, and ranges of whole numbers: 1..8, or 16..128..16 in steps
of 16. Options that have a name take the list behind it: --dim seq=128,256. Each
combination of the lists is a row, the last option's values changing fastest; a
row has the totals that 'opcost MODEL' has with its options. The graph is read
once, and shaped once for each combination of inputs, on all cores.

Examples:
  opcost sweep resnet50.onnx --bits 32,16,int8 --batch 1..64 --format csv
  opcost sweep llm.onnx --dim seq=128..2048..128 --table horowitz-45nm,npu.toml
)"},
    {kWeights, "weights", "MODEL", 1, 1,
     "Print what each weight tensor is like, and what every storage format "
     "takes.",
     R"(Reads the values, of the model's file and of the external data beside it, in
pieces: of the constant operand of each convolution, matrix product and
recurrent layer its zeros (the zero point, of integers), N:M pattern, distinct
values, entropy in bits, minimum, maximum, and rows and input channels that are
zero throughout. Then its bytes in each format, and the energy of the layers
that multiply by it; '*' marks the best, '-' what isn't available. The last
line names a format that saves energy.

Examples:
  opcost weights resnet50-pruned.onnx
  opcost weights llm.onnx --dim sequence=1 --top 10 --format csv
)"},
    {kCollect, "collect", "[MODEL...]", 0, 64,
     "Measure random layers and networks: the data for calibrate.",
     R"(Draws single layers at random (Conv, MaxPool, AveragePool, Linear, Relu,
Sigmoid, Tanh and Softmax in turns, or those that --layers names), measures each
as 'opcost measure' does, and appends a row to DATA.csv as soon as it has one. The
networks given are measured whole and layer by layer, at each --batch.

A collection that was interrupted goes on where it ended, when the same command
is given again. What fails is in DATA.failed.csv with its reason. What is drawn
depends on --seed and --ranges alone (docs/collecting.md).

Examples:
  opcost collect -o data.csv
  opcost collect --layers Conv=100,LeakyRelu=20 --seed 7 -o data.csv
  opcost collect --print-ranges > small.toml
  opcost collect --ranges small.toml vgg16.onnx --batch 1,8 -o data.csv
)"},
    {kCarbon, "carbon", "", 0, 0, "Print how many grams of CO2e an energy is.",
     R"(The energy is given as such, or as watts and hours; its carbon intensity in one
of four ways, each of which is shown with its source and year: a number, a
country, a cloud region, a mix of energy sources. PUE is applied last, and apart.
'opcost MODEL', 'opcost compare' and 'opcost measure' take the same options
for the energy that they find (docs/carbon.md).

Examples:
  opcost carbon --energy 3kWh --country WORLD
  opcost carbon --power 250W --hours 100 --cloud gcp:europe-west1 --pue 1.1
  opcost carbon --energy 5MJ --energy-mix coal=0.25,wind=0.75 --format json
  opcost resnet50.onnx --inferences 1000000 --country FR
)"},
    {kMeasure, "measure", "[MODEL]", 0, 1,
     "Run a model, or any command, and print the energy that it took.",
     R"(Runs MODEL in ONNX Runtime, or whatever --runner names, in a process of its own:
warm-up, idling before and after, and windows of inferences until the mean net
energy of one is known to 2 %. Prints it beside the estimate, with its interval,
for each layer too where the runtime times them (docs/measuring.md). Weights
that a model leaves out are random.

Nothing is guessed in place of a reading: where no counter can be read, a
package is missing or the result isn't stable, the exit status is 4. --check
says what this machine has. A constant power is taken on request alone, and
labelled modelled.

--exec measures a command; its own output goes to standard error. If it fails,
the exit status is 1.

Examples:
  opcost measure --check
  opcost measure resnet50.onnx --threads 1 --cpus 2
  opcost measure resnet50.onnx --batch 8 --device cuda --append rows.csv
  opcost measure resnet50.onnx --counter constant=15 --format json
  opcost measure --exec 'python3 train.py --epochs 3' --country WORLD
)"},
    {kCalibrate, "calibrate", "DATA.csv...", 1, 16,
     "Fit a cost table to measurements.",
     R"(Each row of DATA.csv is a measured run: a model's file (column model, beside
the CSV) or a layer as text (column layer: Conv x=1x3x224x224 w=64x3x7x7
strides=2,2), its joules, and if need be seconds, bits, batch, options, group,
host. The rows are lowered to counts like any model, and the prices of a base
table (--table) are multiplied so that counts times prices come near the joules:
never negative, a tier no dearer than the next, a format no dearer than a wider
one, and near the base where the data say nothing.

Prints each price with its 95 % interval and whether the data determine it, how
well the fit predicts rows it has seen, groups it has not (cross-validation
holds out one group after another), and the rows of --test, each beside a fit by
MACs alone. -o writes the table, ready for --table; use it with the options
under Machine that it was fitted with.

Examples:
  opcost calibrate layers.csv -o mine.toml --memory-model once
  opcost calibrate layers.csv --test networks.csv --fit full --dispatch
  opcost resnet50.onnx --table mine.toml --memory-model once
)"},
    {kTables, "tables", "", 0, 0, "List the cost tables there are.",
     R"(A cost table is a TOML file with the price of each operation and of each
memory tier. Tables are found by name in the folders of $OPCOST_TABLE_PATH
(':' between them), then among those that come with opcost; a name with a '/'
in it or with .toml at its end is a file.

Commands:
  opcost tables                       list the tables
  opcost tables show NAME|FILE        print one, with the sources of its prices
  opcost tables check FILE            say whether a file is a valid table
  opcost tables new --from NAME|FILE  copy one, ready to be edited
  opcost tables diff A B              compare the prices of two

Examples:
  opcost tables new --from horowitz-45nm -o mine.toml
  opcost tables check mine.toml
  opcost tables diff horowitz-45nm mine.toml
  opcost resnet50.onnx --table mine.toml
)"},
    {kTablesShow, "tables show", "NAME|FILE", 1, 1,
     "Print a cost table with the sources of its prices.", ""},
    {kTablesCheck, "tables check", "FILE", 1, 1,
     "Say whether a file is a valid cost table.",
     R"(The exit status is 1, and the message names line and column, if it isn't.
)"},
    {kTablesNew, "tables new", "--from NAME|FILE", 0, 0,
     "Write a commented copy of a cost table, ready to be edited.",
     R"(Without -o the copy goes to standard output. A file that exists already is
left alone.

Example:
  opcost tables new --from horowitz-45nm -o mine.toml
)"},
    {kTablesDiff, "tables diff", "A B", 2, 2,
     "Compare the prices of two cost tables.", ""},
    {kHelp, "help", "[COMMAND]", 0, 2, "Print help on a command.", ""},
};

}  // namespace

absl::Span<const CommandRow> CommandRows() { return kCommands; }

const CommandRow& RowOf(CommandBit command) {
  for (const CommandRow& row : kCommands) {
    if (row.bit == command) return row;
  }
  return kCommands[0];
}

const CommandRow* FindCommand(absl::string_view name) {
  for (const CommandRow& row : kCommands) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace opcost
