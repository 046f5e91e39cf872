package io.castalia.spring;

import static io.castalia.spring.Application.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.castalia.testing.InMemory;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class FollowingBeansTest {
    private final InMemory memory = new InMemory();
    private final CastaliaPropertySource source = new CastaliaPropertySource(
            memory.getClient(), memory, memory.getClient().sourceAsync("castalia", List.of("application")).join());

    @AfterEach
    void close() {
        memory.close();
    }

    @Test
    void beansThatWereCollectedAreForgottenWithoutARelease() {
        // B115
        FollowingBeans<String> beans = new FollowingBeans<>(source, detail -> false, (bean, detail, changes, isExact) -> {});
        for (int count = 0; count < 100; count++) {
            beans.begin(new Object(), "request");
        }
        eventually(() -> {
            System.gc();
            beans.begin(new Object(), "request");
            return beans.size() < 50;
        });
    }

    @Test
    void aThreadThatFindsABeanBusyDoesNotWaitAndTheOtherUpdatesItAgain() {
        // B113
        AtomicInteger updates = new AtomicInteger();
        AtomicReference<FollowingBeans<String>> following = new AtomicReference<>();
        FollowingBeans<String> beans = new FollowingBeans<>(source, detail -> false, (bean, detail, changes, isExact) -> {
            if (updates.incrementAndGet() == 1) {
                memory.set("application", "n", "2");
                CompletableFuture.runAsync(following.get()::refresh).join();
                assertEquals(1, updates.get());
            }
        });
        following.set(beans);
        Object bean = new Object();
        beans.begin(bean, "bean");
        memory.set("application", "n", "1");
        beans.refresh();
        assertEquals(0, updates.get());
        beans.ready(bean);
        assertEquals(2, updates.get());
        beans.refresh();
        assertEquals(2, updates.get());
    }

    @Test
    void aValueThatIsBackWhenTheBeanIsReadyMayHaveBeenAnotherOne() {
        // B113
        List<Boolean> updates = new ArrayList<>();
        FollowingBeans<String> beans =
                new FollowingBeans<>(source, detail -> false, (bean, detail, changes, isExact) -> updates.add(isExact));
        Object bean = new Object();
        memory.set("application", "n", "1");
        beans.begin(bean, "bean");
        memory.set("application", "n", "2");
        memory.set("application", "n", "1");
        beans.ready(bean);
        assertEquals(List.of(false), updates);
        memory.set("application", "n", "2");
        beans.refresh();
        assertEquals(List.of(false, true), updates);
    }

    @Test
    void aValueThatIsBackAfterAnUpdateMayHaveBeenAnotherOne() {
        // B113
        List<Boolean> updates = new ArrayList<>();
        FollowingBeans<String> beans = new FollowingBeans<>(source, detail -> false, (bean, detail, changes, isExact) -> {
            updates.add(isExact);
            if (updates.size() == 1) {
                memory.set("application", "n", "2");
                memory.set("application", "n", "1");
            }
        });
        Object bean = new Object();
        beans.begin(bean, "bean");
        beans.ready(bean);
        memory.set("application", "n", "1");
        beans.refresh();
        assertEquals(List.of(true, false), updates);
    }

    @Test
    void aBeanForWhichTheEndIsNotCalledIsExactWithoutARelease() {
        // B110
        List<Boolean> updates = new ArrayList<>();
        FollowingBeans<String> beans =
                new FollowingBeans<>(source, detail -> true, (bean, detail, changes, isExact) -> updates.add(isExact));
        Object bean = new Object();
        beans.begin(bean, "bean");
        beans.refresh();
        memory.set("application", "n", "1");
        beans.refresh();
        assertEquals(List.of(true), updates);
        Reference.reachabilityFence(bean);
    }

    @Test
    void aBeanForWhichTheEndIsNotCalledIsUpdatedOnceItIsCreated() {
        // B113
        List<String> updates = new ArrayList<>();
        Set<String> created = new HashSet<>();
        FollowingBeans<String> beans =
                new FollowingBeans<>(source, created::contains, (bean, detail, changes, isExact) -> updates.add(detail));
        Object bean = new Object();
        beans.begin(bean, "bean");
        memory.set("application", "n", "1");
        beans.refresh();
        assertEquals(List.of(), updates);
        created.add("bean");
        beans.refresh();
        assertEquals(List.of("bean"), updates);
    }

    @Test
    void aBeanThatCannotBeUpdatedHindersNoOther() {
        // B109
        List<String> updates = new ArrayList<>();
        FollowingBeans<String> beans = new FollowingBeans<>(source, detail -> true, (bean, detail, changes, isExact) -> {
            updates.add(detail);
            throw new IllegalStateException("on purpose");
        });
        List<Object> all = List.of(new Object(), new Object());
        all.forEach(bean -> beans.begin(bean, "bean"));
        memory.set("application", "n", "1");
        beans.refresh();
        assertEquals(List.of("bean", "bean"), updates);
        Reference.reachabilityFence(all);
    }

    @Test
    void aBeanWhoseUpdateFailedIsUpdatedWithTheNextReleaseAndHindersNoOther() {
        // B133
        List<String> updates = new ArrayList<>();
        AtomicInteger tries = new AtomicInteger();
        FollowingBeans<String> beans = new FollowingBeans<>(source, detail -> true, (bean, detail, changes, isExact) -> {
            if (tries.incrementAndGet() == 1) {
                throw new AssertionError("on purpose");
            }
            updates.add(changes.includeAny(Set.of("n")) + " " + changes.includeAny(Set.of("m")));
        });
        List<Object> all = List.of(new Object(), new Object());
        all.forEach(bean -> beans.begin(bean, "bean"));
        memory.set("application", "n", "1");
        beans.refresh();
        assertEquals(List.of("true false"), updates);
        memory.set("application", "m", "1");
        beans.refresh();
        assertEquals(Set.of("true false", "true true", "false true"), Set.copyOf(updates));
        assertEquals(4, tries.get());
        Reference.reachabilityFence(all);
    }

    @Test
    void aReleaseThatReplacesOneThatFailsIsAppliedAtOnce() {
        // B133
        List<Integer> updates = new ArrayList<>();
        FollowingBeans<String> beans = new FollowingBeans<>(source, detail -> true, (bean, detail, changes, isExact) -> {
            updates.add(updates.size());
            if (updates.size() == 1) {
                memory.set("application", "n", "2");
                throw new StackOverflowError("on purpose");
            }
        });
        Object bean = new Object();
        beans.begin(bean, "bean");
        memory.set("application", "n", "1");
        beans.refresh();
        assertEquals(List.of(0, 1), updates);
        Reference.reachabilityFence(bean);
    }
}
