// Tape: the values of one step, and one closure per op, which backward() runs in reverse order.
//
// Rules that every op relies on:
//  - A closure captures only trivially copyable things: what it captures is what the step keeps, visible in review.
//  - A gradient is assigned by the first closure that writes it and added to by later ones; parameters always add.
//  - A value's gradient is dead once the closure of the op that made it has run; its memory goes back to the pool, or
//    becomes an input's gradient where an op hands it over.
//  - Values may have several scalars; a value's gradient has its own.
//  - The tape's order is the program's order: name two recorded operands before combining them, because operands of + and
//    arguments of a call have no order in C++.
#pragma once
#include <new>
#include <type_traits>

#include "../backends/catalog.hpp"
#include "../core/random.hpp"
#include "gradient_pool.hpp"
#include "var.hpp"

namespace vitrail {

template <class Device> class Tape {
 public:
  constexpr explicit Tape(Device& device) : device_(&device), values_(device), gradients_(device), records_(host_) {}
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;
  constexpr ~Tape() { reset(); }

  constexpr Device& device() const { return *device_; }
  constexpr Arena<Device>& values() { return values_; }
  constexpr GradientPool<Device>& gradients() { return gradients_; }

  // Forgets the step and keeps its memory. `key` seeds what ops draw during the next one (drop path).
  constexpr void reset(std::uint64_t key = 0) {
    if (std::is_constant_evaluated()) destroy_records();
    last_ = nullptr, slots_ = nullptr;
    key_ = key, drawn_ = 0;
    values_.reset();
    records_.reset();
  }

  // A tensor enters the step: it wants no gradient, and what is made of it lives in this tape's memory.
  template <class S, class T> constexpr Var<S, Device, T> input(Tensor<S, Device, T> x) {
    return {{x.at, &values_, x.shape}, this, nullptr, x.shape};
  }
  // The same, but its gradient is kept for the caller, who reads it after backward(): see gradcheck.
  template <class S, class T> constexpr Var<S, Device, T> differentiable_input(Tensor<S, Device, T> x) {
    return {{x.at, &values_, x.shape}, this, new_slot<T>(x.shape.size()), x.shape};
  }

  // Room for an op's result. An op calls fresh() of run.hpp instead.
  template <class T, class S> constexpr Var<S, Device, T> value(S shape, bool wants_gradient) {
    const Tensor<S, Device, T> x = make_tensor<S, T>(values_, shape);
    return {x, this, wants_gradient ? new_slot<T>(shape.size()) : nullptr, shape};
  }

  // Records what an op does when y's gradient is known. It runs only if something has written that gradient.
  template <class F> constexpr void on_backward(Slot* y, F f) {
    static_assert(std::is_trivially_copyable_v<F> && std::is_trivially_destructible_v<F>,
                  "a backward closure may capture only values, parameters and numbers: it lives in an arena and is never "
                  "destroyed");
    if (y == nullptr) return;
    if (std::is_constant_evaluated()) last_ = new Closure<F>(last_, y, f);
    else last_ = ::new (records_.template take<Closure<F>>(1)) Closure<F>(last_, y, f);
  }

  // Where x's gradient goes. T: the scalar of x's value.
  template <class T> VITRAIL_NOINLINE constexpr Sink<T> sink(Slot* x) {
    if (x == nullptr) return {};
    const Write mode = x->written ? Write::add : Write::assign;
    if (!x->written) {
      const auto block = gradients_.template take<T>(x->size);
      x->grad = block.at, x->place = block.place, x->written = true;
    }
    return {detail::numbers<T>(x->grad), mode, x->size};
  }
  // y's gradient becomes x's, of the same scalar, without a copy; false if x already has one: then add.
  VITRAIL_NOINLINE constexpr bool hand_over(Slot* y, Slot* x) {
    if (x->written) return false;
    x->grad = y->grad, x->place = y->place, x->written = true;
    y->grad = nullptr, y->written = false;
    return true;
  }
  // For elementwise ops, which may write dx over dy. Read y's gradient before calling this: its block changes owner.
  template <class T> VITRAIL_NOINLINE constexpr Sink<T> sink_in_place(Slot* y, Slot* x) {
    if (x == nullptr || !hand_over(y, x)) return sink<T>(x);
    return {detail::numbers<T>(x->grad), Write::assign, x->size};
  }

  // f(x, rest...), of which the step keeps the result alone: backward() runs f once more when it needs what is inside (Chen et al.,
  // "Training deep nets with sublinear memory cost", 2016). f, a module, must live as long as the step. Its draws are the same both
  // times, so that gradients are those of f(x, rest...) to the last bit.
  template <class F, class S, class T, class... Rest>
  constexpr Var<S, Device, T> recomputed(const F& f, const Var<S, Device, T>& x, const Rest&... rest) {
    Var<S, Device, T> y = value<T>(x.shape, false);
    const Moment before = moment();
    const Var<S, Device, T> inside = f(x, rest...);
    kernel_forward(*device_, op::Copy{x.shape.size()}, y.data(), static_cast<const T*>(inside.data()));
    const bool wanted = inside.slot != nullptr;
    forget_since(before);
    if (!wanted) return y;
    y.slot = new_slot<T>(x.shape.size());
    on_backward(y.slot, [this, f = &f, x, slot = y.slot, drawn = before.drawn, rest...] {
      const Moment now = moment();
      drawn_ = drawn;
      const Var<S, Device, T> again = (*f)(x, rest...);
      hand_over(slot, again.slot);
      run_backward(now.last);
      drawn_ = now.drawn;
      forget_since(now);
    });
    return y;
  }

  // Fills the gradients of all parameters that the loss depends on, adding to what they hold. `seed` is the gradient of
  // the loss itself: 1 / k when k batches accumulate into one step.
  template <class T> constexpr void backward(const Var<Shape<>, Device, T>& loss, std::type_identity_t<T> seed = T(1)) {
    gradients_.reset();
    for (Slot* s = slots_; s != nullptr; s = s->previous) s->written = false;
    if (loss.slot == nullptr) return;
    device_->template fill<T>(sink<T>(loss.slot).to, 1, seed);
    run_backward(nullptr);
  }

  // A fresh number for an op that draws (drop path): the same in every run of the same step.
  constexpr std::uint64_t draw_key() { return detail::mix(key_ + 0x9E3779B97F4A7C15ull * ++drawn_); }

  constexpr std::size_t record_bytes() const { return records_.peak(); }  // bytes, of closures and slots

 private:
  struct Node {
    Node* previous;
    Slot* y;
    void (*run)(Node*);
    void (*destroy)(Node*);
  };
  template <class F> struct Closure : Node {
    F f;
    constexpr Closure(Node* before, Slot* y_slot, F function)
        : Node{before, y_slot, [](Node* n) { static_cast<Closure*>(n)->f(); },
               [](Node* n) { delete static_cast<Closure*>(n); }},
          f(function) {}
  };

  // A place in the step, to which what was recorded and computed since can be undone.
  struct Moment {
    Node* last;
    Slot* slots;
    typename Arena<Device>::Mark values;
    Arena<HostMemory>::Mark records;
    std::uint64_t drawn;
  };
  constexpr Moment moment() const { return {last_, slots_, values_.mark(), records_.mark(), drawn_}; }
  constexpr void forget_since(const Moment& then) {
    if (std::is_constant_evaluated()) destroy_records(then.last, then.slots);
    last_ = then.last, slots_ = then.slots;
    values_.release(then.values), records_.release(then.records);
  }
  // All closures after `end`, the latest first.
  constexpr void run_backward(const Node* end) {
    for (Node* node = last_; node != end; node = node->previous) {
      Slot* y = node->y;
      if (!y->written) continue;  // the loss does not depend on it
      node->run(node);
      if (y->written) gradients_.give_back(y->place, y->bytes), y->written = false;
    }
  }

  template <class T> constexpr Slot* new_slot(std::int64_t size) { return new_slot(size, static_cast<std::size_t>(size) * sizeof(T)); }
  VITRAIL_NOINLINE constexpr Slot* new_slot(std::int64_t size, std::size_t bytes) {
    if (std::is_constant_evaluated()) slots_ = new Slot{nullptr, 0, size, bytes, false, slots_};
    else slots_ = ::new (records_.template take<Slot>(1)) Slot{nullptr, 0, size, bytes, false, slots_};
    return slots_;
  }
  // Those after these two: in constant evaluation records cannot live in an arena.
  constexpr void destroy_records(const Node* last = nullptr, const Slot* slots = nullptr) {
    while (last_ != last) {
      Node* before = last_->previous;
      last_->destroy(last_);
      last_ = before;
    }
    while (slots_ != slots) {
      Slot* before = slots_->previous;
      delete slots_;
      slots_ = before;
    }
  }

  Device* device_;
  Arena<Device> values_;
  GradientPool<Device> gradients_;
  HostMemory host_;
  Arena<HostMemory> records_;
  Node* last_ = nullptr;
  Slot* slots_ = nullptr;
  std::uint64_t key_ = 0, drawn_ = 0;
};

}  // namespace vitrail
