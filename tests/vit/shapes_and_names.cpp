// ViT's sizes and names are timm's, exactly.
#include <doctest/doctest.h>

#include "support/models.hpp"
#include "vitrail/objectives/supervised.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;

namespace {

// timm's VisionTransformer: an encoder and one linear layer on the class token.
template <ViTConfig C>
struct Classifier {
  ViT<C> encoder{};
  Linear<C.dim, 1000> head{};
  constexpr void visit(auto&& f) { f("encoder", encoder), f("head", head); }
};
template <ViTConfig C>
constexpr std::int64_t encoder_size = count_parameters<ViT<C>>();
template <ViTConfig C>
constexpr std::int64_t classifier_size = count_parameters<Classifier<C>>();

static_assert(encoder_size<vit_tiny_patch16_224> == 5'524'416 && classifier_size<vit_tiny_patch16_224> == 5'717'416);
static_assert(encoder_size<vit_small_patch16_224> == 21'665'664 && classifier_size<vit_small_patch16_224> == 22'050'664);
static_assert(encoder_size<vit_base_patch16_224> == 85'798'656 && classifier_size<vit_base_patch16_224> == 86'567'656);
static_assert(count_parameters<Block<vit_tiny_patch16_224.block()>>() == 444'864);
static_assert(count_parameters<Block<vit_small_patch16_224.block()>>() == 1'774'464);
static_assert(count_parameters<Block<vit_base_patch16_224.block()>>() == 7'087'872);
// Our own head normalises the pooled features first.
static_assert(count_parameters<Supervised<ViT<vit_tiny_patch16_224>, 1000>>() == 5'717'416 + 2 * 192);
static_assert(count_parameters<Supervised<ViT<vit_tiny_patch16_224>, 1000, ClassTokenPool>>() == 5'717'416);
// A fixed table of positions is no trained parameter.
static_assert(encoder_size<ViTConfig{.positions = Positions::sincos}> == 5'524'416 - 197 * 192);
static_assert(encoder_size<ViTConfig{.class_token = false}> == 5'524'416 - 2 * 192);
static_assert(encoder_size<ViTConfig{.layer_scale_ppm = 10}> == 5'524'416 + 12 * 2 * 192);

// BEiT's published encoder: no positions, no bias of k; layer scale, and one table of 732 rows.
static_assert(encoder_size<beit_base_patch16_224> == 85'798'656 - 197 * 768 - 12 * 768 + 12 * 2 * 768 + 732 * 12);

// The keys of timm's state_dict, without the head, in its order.
std::vector<std::string> timm_keys(int depth, bool class_token, bool layer_scale) {
  std::vector<std::string> keys;
  if (class_token) keys.push_back("cls_token");
  keys.push_back("pos_embed");
  const auto both = [&](const std::string& layer) { keys.push_back(layer + ".weight"), keys.push_back(layer + ".bias"); };
  both("patch_embed.proj");
  for (int i = 0; i < depth; ++i) {
    const std::string block = "blocks." + std::to_string(i) + ".";
    both(block + "norm1"), both(block + "attn.qkv"), both(block + "attn.proj");
    if (layer_scale) keys.push_back(block + "ls1.gamma");
    both(block + "norm2"), both(block + "mlp.fc1"), both(block + "mlp.fc2");
    if (layer_scale) keys.push_back(block + "ls2.gamma");
  }
  both("norm");
  return keys;
}

constexpr ViTConfig small{.image = 16, .patch = 4, .dim = 24, .depth = 3, .heads = 3};
constexpr ViTConfig scaled{.image = 16, .patch = 4, .dim = 24, .depth = 11, .heads = 3, .class_token = false, .layer_scale_ppm = 100'000};

template <class M>
auto values_by_name(Model<M, Cpu, double>& model) {
  std::map<std::string, std::vector<double>> out;
  each_named(model, [&](const std::string& name, std::span<double> values, std::span<double>) {
    out[name] = std::vector<double>(values.begin(), values.end());
  });
  return out;
}
double deviation(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x) sum += v * v;
  return std::sqrt(sum / static_cast<double>(x.size()));
}

}  // namespace

TEST_SUITE_BEGIN("vit");

TEST_CASE("parameters have timm's names, in timm's order") {
  ViT<small> plain;
  CHECK(parameter_names(plain) == timm_keys(3, true, false));
  ViT<scaled> other;
  CHECK(parameter_names(other) == timm_keys(11, false, true));
}

TEST_CASE("an encoder with relative positions has BEiT's names, and its residual branches start smaller from block to block") {
  constexpr ViTConfig config{.image = 16, .patch = 4, .dim = 24, .depth = 3, .heads = 3, .positions = Positions::relative};
  Cpu cpu(1);
  Model<ViT<config>, Cpu, double> model{cpu, Random{5}};
  const auto values = values_by_name(model);
  for (const char* name : {"cls_token", "rel_pos_bias.relative_position_bias_table", "blocks.2.attn.q_bias", "blocks.2.attn.v_bias",
                           "blocks.2.attn.qkv.weight", "blocks.2.attn.proj.bias"})
    CHECK(values.count(name) == 1);
  CHECK(values.count("blocks.2.attn.qkv.bias") == 0);
  CHECK(deviation(values.at("pos_embed")) == 0);
  CHECK(deviation(values.at("rel_pos_bias.relative_position_bias_table")) == 0);
  for (int block = 0; block < 3; ++block)
    for (const char* weight : {".attn.proj.weight", ".mlp.fc2.weight"})
      CHECK(deviation(values.at("blocks." + std::to_string(block) + weight)) ==
            doctest::Approx(0.02 / std::sqrt(2 * (block + 1))).epsilon(0.1));
}

TEST_CASE("weights start as timm's do: normal 0.02, zero biases, unit gains, layer scale as configured") {
  Cpu cpu(1);
  Model<ViT<scaled>, Cpu, double> model{cpu, Random{5}};
  for (const auto& entry : values_by_name(model)) {
    const std::string& name = entry.first;
    const std::vector<double>& values = entry.second;
    CAPTURE(name);
    if (name.ends_with("gamma")) CHECK(std::all_of(values.begin(), values.end(), [](double v) { return v == doctest::Approx(0.1); }));
    else if (name.ends_with("bias")) CHECK(deviation(values) == 0);
    else if (name.find("norm") != std::string::npos) CHECK(std::all_of(values.begin(), values.end(), [](double v) { return v == 1; }));
    else CHECK(deviation(values) == doctest::Approx(0.02).epsilon(0.15));
  }
}

TEST_CASE("one more block leaves the other blocks' initial weights as they were") {
  Cpu cpu(1);
  constexpr ViTConfig deeper{.image = 16, .patch = 4, .dim = 24, .depth = 4, .heads = 3};
  Model<ViT<small>, Cpu, double> three{cpu, Random{5}}, again{cpu, Random{5}}, other{cpu, Random{6}};
  Model<ViT<deeper>, Cpu, double> four{cpu, Random{5}};
  const auto a = values_by_name(three), b = values_by_name(four);
  for (const auto& entry : a) {
    CAPTURE(entry.first);
    CHECK(entry.second == b.at(entry.first));
  }
  CHECK(a == values_by_name(again));
  CHECK(a != values_by_name(other));
}

TEST_CASE("fixed positions: column first, then row, sine before cosine; nothing for the class token") {
  constexpr ViTConfig config{.image = 12, .patch = 4, .dim = 8, .depth = 1, .heads = 2, .positions = Positions::sincos};
  Cpu cpu(1);
  Model<ViT<config>, Cpu, double> model{cpu, Random{5}};
  const std::vector<double> table = values_by_name(model).at("pos_embed");
  REQUIRE(table.size() == 10 * 8);
  for (std::size_t i = 0; i < 8; ++i) CHECK(table[i] == 0);
  for (int n = 0; n < 9; ++n) {
    const double column = n % 3, row = n / 3, slow = 0.01;  // 10000^(-1/2)
    const double wanted[8] = {std::sin(column), std::sin(slow * column), std::cos(column), std::cos(slow * column),
                              std::sin(row),    std::sin(slow * row),    std::cos(row),    std::cos(slow * row)};
    for (int i = 0; i < 8; ++i) CHECK(table[static_cast<std::size_t>(8 + 8 * n + i)] == doctest::Approx(wanted[i]));
  }
}

TEST_CASE("drop path grows from nothing at the first block to its full rate at the last") {
  constexpr ViTConfig config{.image = 16, .patch = 4, .dim = 24, .depth = 5, .heads = 3, .drop_path_percent = 20};
  const ViT<config> encoder;
  for (int i = 0; i < 5; ++i) CHECK(encoder.transformer.blocks[static_cast<std::size_t>(i)].drop_path == doctest::Approx(0.05 * i));
}

TEST_SUITE_END();
