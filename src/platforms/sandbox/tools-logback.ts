/** logback of Cassandra's tools: warnings alone, to standard error. */
export const toolsLogback = `<configuration>
  <appender name="stderr" class="ch.qos.logback.core.ConsoleAppender">
    <target>System.err</target>
    <encoder>
      <pattern>%-5level %date{HH:mm:ss,SSS} %msg%n</pattern>
    </encoder>
  </appender>
  <root level="WARN">
    <appender-ref ref="stderr"/>
  </root>
</configuration>
`;
