// From one stack to another. swapcontext() asks the system for the signals' mask each time, which costs more than most kernels' threads do:
// on x86-64 registers are saved here.
#pragma once
#include <cstddef>
#include <cstdint>

#if !defined(__x86_64__) || defined(__ILP32__)
#include <ucontext.h>

#include <memory>

struct FiberSwitch {
  using Place = std::shared_ptr<ucontext_t>;

  static Place beginning(char* stack, std::size_t bytes, void (*entry)(void*), void* argument) {
    const Place place = std::make_shared<ucontext_t>();
    getcontext(place.get());
    place->uc_stack.ss_sp = stack, place->uc_stack.ss_size = bytes, place->uc_link = nullptr;
    const auto words = [](const void* x) { return static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(x)); };
    const std::uint64_t f = words(reinterpret_cast<const void*>(entry)), x = words(argument);
    makecontext(place.get(), reinterpret_cast<void (*)()>(&call), 4, static_cast<unsigned>(f >> 32), static_cast<unsigned>(f),
                static_cast<unsigned>(x >> 32), static_cast<unsigned>(x));
    return place;
  }
  static void go(Place& from, const Place& to) {
    if (from == nullptr) from = std::make_shared<ucontext_t>();
    swapcontext(from.get(), to.get());
  }

 private:
  static void call(unsigned f_high, unsigned f_low, unsigned x_high, unsigned x_low) {
    const auto pointer = [](unsigned high, unsigned low) { return static_cast<std::uintptr_t>(std::uint64_t{high} << 32 | low); };
    reinterpret_cast<void (*)(void*)>(pointer(f_high, f_low))(reinterpret_cast<void*>(pointer(x_high, x_low)));
  }
};
#else

struct FiberSwitch {
  using Place = void*;  // top of a stack on which registers lie

  // The place where entry(argument) begins on this stack; it must not return.
  static Place beginning(char* stack, std::size_t bytes, void (*entry)(void*), void* argument) {
    std::uintptr_t* at = reinterpret_cast<std::uintptr_t*>((reinterpret_cast<std::uintptr_t>(stack) + bytes) / 16 * 16);
    *--at = 0;  // as if entry had been called: its stack ends here
    *--at = reinterpret_cast<std::uintptr_t>(&first);
    *--at = 0;                                           // rbp
    *--at = reinterpret_cast<std::uintptr_t>(entry);     // rbx
    *--at = reinterpret_cast<std::uintptr_t>(argument);  // r12
    for (int i = 0; i < 3; ++i) *--at = 0;               // r13 to r15
    *--at = std::uintptr_t{0x037F} << 32 | 0x1F80;       // control words of the floating-point units, as a program begins with
    return at;
  }
  static void go(Place& from, const Place& to) { change(&from, to); }

 private:
  __attribute__((naked, noinline)) static void change(Place* /*from: rdi*/, Place /*to: rsi*/) {
    asm("pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
        "subq $8, %rsp\n stmxcsr (%rsp)\n fnstcw 4(%rsp)\n"
        "movq %rsp, (%rdi)\n movq %rsi, %rsp\n"
        "ldmxcsr (%rsp)\n fldcw 4(%rsp)\n addq $8, %rsp\n"
        "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n ret");
  }
  __attribute__((naked, noinline)) static void first() { asm("movq %r12, %rdi\n jmpq *%rbx"); }
};
#endif
