package dev.sessiond.spring;

import dev.sessiond.SessiondClient;
import dev.sessiond.SessiondClientBuilder;
import dev.sessiond.Validator;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;

/** Makes a client from the settings, unless the application has a validator of its own. */
@AutoConfiguration
@EnableConfigurationProperties(SessiondProperties.class)
public class SessiondClientAutoConfiguration {
  /** The client of the settings. */
  @Bean
  @ConditionalOnMissingBean(Validator.class)
  SessiondClient sessiondClient(SessiondProperties settings) {
    SessiondClientBuilder builder =
        SessiondClient.builder(settings.target()).timeout(settings.timeout()).key(settings.key());
    if (settings.keyFile() != null) {
      builder.key(settings.keyFile());
    }
    return builder.build();
  }
}
