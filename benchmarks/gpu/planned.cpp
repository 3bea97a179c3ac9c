// What the steps of step.cu will need on a card, in float and in bfloat16: known without one. Prints a line for each.
#include <cstdio>

#include "../cpu/models.hpp"
#include "../cpu/training.hpp"

using namespace vitrail;

namespace {
template <ViTConfig C, int Vocabulary>
void print(const char* model, int batch) {
  std::printf("%s %4d float    %s\n", model, batch, text(cost<Pretext<C, Vocabulary>>(batch)).c_str());
  std::printf("%s %4d bfloat16 %s\n", model, batch, text(cost<Pretext<C, Vocabulary>, bfloat16>(batch)).c_str());
}
}  // namespace

int main() {
  for (const int batch : {64, 512, 1024}) print<vits, 8192>("vits", batch);
  print<vitb, 8192>("vitb", 256);
}
