package io.castalia.spring;

import static io.castalia.spring.Application.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Scope;

class ValueTest {
    static class Parent {
        @Value("${timeout:5}")
        private volatile int inherited;
    }

    static class Service extends Parent {
        @Value("${timeout:5}")
        volatile int field;

        @Value("${${region:eu}.timeout:0}")
        volatile int nested;

        @Value("#{'${hosts:a,b}'.split(',')}")
        volatile List<String> expression;

        @Value("${wait:2s}")
        volatile Duration converted;

        @Value("${indirect}")
        volatile String indirect;

        volatile int method;
        volatile String both;
        volatile int calls;

        @Value("${timeout:5}")
        void setMethod(int timeout) {
            method = timeout;
        }

        @Autowired
        private void setBoth(@Value("${timeout:5}") int timeout, Other other, @Value("${unit:ms}") String unit) {
            both = timeout + unit + other.name;
            calls++;
        }
    }

    static class Other {
        final String name = "!";
    }

    @Configuration
    static class Beans {
        @Value("${timeout:5}")
        volatile int inConfiguration;

        @Bean
        Service service() {
            return new Service();
        }

        @Bean
        Other other() {
            return new Other();
        }

        @Bean
        @Scope("prototype")
        Parent prototype() {
            return new Parent();
        }
    }

    private static Application start(String... properties) {
        String[] all = Arrays.copyOf(properties, properties.length + 1);
        all[properties.length] = "indirect=<${timeout:5}>";
        return Application.start(Beans.class, all);
    }

    @Test
    void fieldsAndMethodsFollowTheirProperties() {
        try (Application application = start()) {
            Service service = application.bean(Service.class);
            assertEquals(5, service.field);
            application.set("timeout", "7");
            eventually(() -> service.field == 7 && service.method == 7 && ((Parent) service).inherited == 7
                    && application.bean(Beans.class).inConfiguration == 7);
            eventually(() -> service.both.equals("7ms!") && service.indirect.equals("<7>"));
            application.memory.remove("application", "timeout");
            eventually(() -> service.field == 5 && service.both.equals("5ms!"));
        }
    }

    @Test
    void nestedPlaceholdersExpressionsAndConvertedTypesFollowToo() {
        try (Application application = start()) {
            Service service = application.bean(Service.class);
            application.memory.publish("application", Map.of("eu.timeout", "1", "us.timeout", "2", "hosts", "c", "wait", "3m"));
            eventually(() -> service.nested == 1 && service.expression.equals(List.of("c")));
            eventually(() -> service.converted.equals(Duration.ofMinutes(3)));
            application.set("region", "us");
            eventually(() -> service.nested == 2);
        }
    }

    @Test
    void whatDidNotChangeIsNotInjectedAgain() {
        try (Application application = start()) {
            Service service = application.bean(Service.class);
            int calls = service.calls;
            application.memory.update("application", Map.of("hosts", "z", "timeout", "5"));
            eventually(() -> service.expression.equals(List.of("z")));
            application.set("unit", "s");
            eventually(() -> service.both.equals("5s!"));
            assertEquals(calls + 1, service.calls);
        }
    }

    @Test
    void aValueThatCannotBeInjectedLeavesTheOldOneAndTheOthersGoOn() {
        try (Application application = start()) {
            Service service = application.bean(Service.class);
            application.set("timeout", "7");
            eventually(() -> service.field == 7);
            application.memory.update("application", Map.of("timeout", "soon", "hosts", "c"));
            eventually(() -> service.expression.equals(List.of("c")));
            assertEquals(7, service.field);
            application.set("timeout", "8");
            eventually(() -> service.field == 8);
        }
    }

    @Test
    void prototypesFollowToo() {
        try (Application application = start()) {
            Parent one = (Parent) application.context.getBean("prototype");
            application.set("timeout", "9");
            eventually(() -> one.inherited == 9);
        }
    }

    @Test
    void refreshingCanBeSwitchedOff() {
        try (Application application = start("apollo.autoUpdateInjectedSpringProperties=false")) {
            application.set("timeout", "9");
            eventually(() -> "9".equals(application.property("timeout")));
            assertEquals(0, application.context.getBeanNamesForType(ValueRefresher.class).length);
            assertEquals(0, application.context.getBeanNamesForType(PropertiesRebinder.class).length);
            assertEquals(5, application.bean(Service.class).field);
        }
    }
}
