// Threads that go through one pass together: shared work by a counter, and a meeting point after each part of it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <sched.h>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
inline void relax() { _mm_pause(); }
#else
inline void relax() {}
#endif

class Team {
public:
    explicit Team(int size) : size(size) {
        for (int n = 1; n < size; n++) members.emplace_back([this] { follow(); });
    }

    ~Team() {
        {
            std::lock_guard<std::mutex> held(lock);
            ended = true;
        }
        wake.notify_all();
        for (auto& member : members) member.join();
    }

    // Let every thread, the caller's among them, do the work; `parts` calls of `share` may be made in it.
    void run(const std::function<void()>& work, int parts) {
        if ((int)capacity < parts) {
            counters.reset(new std::atomic<int>[parts]);
            capacity = parts;
        }
        for (int n = 0; n < parts; n++) counters[n].store(0, std::memory_order_relaxed);
        {
            std::lock_guard<std::mutex> held(lock);
            task = &work;
            running.store(size - 1);
            turn.fetch_add(1);
        }
        wake.notify_all();
        work();
        for (int spins = 0; running.load(std::memory_order_acquire); spins++) rest(spins);
    }

    // Take the pieces 0 to count - 1 one by one, whoever is free; returns when all of the part is done by everyone.
    template <typename Piece> void share(int part, int count, const Piece& piece) {
        for (int n; (n = counters[part].fetch_add(1, std::memory_order_relaxed)) < count;) piece(n);
        meet();
    }

    const int size;

private:
    static void rest(int spins) {
        if (spins < SPINS) relax();
        else sched_yield();
    }

    void meet() {
        if (size == 1) return;
        const int round = rounds.load(std::memory_order_acquire);
        if (arrived.fetch_add(1, std::memory_order_acq_rel) == size - 1) {
            arrived.store(0, std::memory_order_relaxed);
            rounds.fetch_add(1, std::memory_order_release);
            return;
        }
        for (int spins = 0; rounds.load(std::memory_order_acquire) == round; spins++) rest(spins);
    }

    void follow() {
        int seen = 0;
        while (true) {
            for (int spins = 0; spins < AWAKE && turn.load(std::memory_order_acquire) == seen; spins++) relax();
            if (turn.load(std::memory_order_acquire) == seen) {
                std::unique_lock<std::mutex> held(lock);
                wake.wait(held, [&] { return ended || turn.load() != seen; });
                if (ended) return;
            }
            seen++;
            (*task)();
            running.fetch_sub(1, std::memory_order_release);
        }
    }

    static constexpr int SPINS = 200;  // looks at a meeting point before the core is offered to others
    static constexpr int AWAKE = 2000;  // looks for a next pass before sleeping
    std::vector<std::thread> members;
    std::unique_ptr<std::atomic<int>[]> counters;
    size_t capacity = 0;
    std::atomic<int> arrived{0}, rounds{0}, running{0}, turn{0};
    const std::function<void()>* task = nullptr;
    std::mutex lock;
    std::condition_variable wake;
    bool ended = false;
};
