using System.Text;

namespace EmailRouter.Routing.Configuration;

/// <summary>The errors of the configuration, each with its remedy.</summary>
internal static class ConfigurationErrors
{
    private const string Step = "Configuration";

    public static RouterException Unreadable(string path, Exception inner) => new(
        new RouterError("RouterConfigurationUnreadable", Step, $"The configuration {path} cannot be read: {inner.Message}", "Give the router's account read access to the file.", false), inner);

    public static RouterException NotSaved(string path, Exception inner) => new(
        new RouterError(
            "RouterConfigurationNotSaved",
            Step,
            $"The configuration {path} cannot be written: {inner.Message}",
            "Check that the disk has room and that the account may write in the file's folder. The file is as it was.",
            false),
        inner);

    public static RouterException TokensNotRemoved(string path, Exception inner) => new(
        new RouterError(
            "RouterTokensNotRemoved",
            Step,
            $"The configuration was changed, and the tokens that are no longer used could not be deleted from {path}: {inner.Message}",
            "Delete the file. Whoever can read it and the key beside it can act for the account that signed in.",
            false),
        inner);

    public static RouterException Malformed(string path, long? line, string problem, Exception? inner) => new(
        new RouterError(
            "RouterConfigurationMalformed",
            Step,
            $"The configuration {path} cannot be understood{(line is { } number ? $" at line {number}" : string.Empty)}: {problem}",
            "Correct the file at the place named, or put back a copy; the schema docs/emailrouter.schema.json tells what may stand where.",
            false),
        inner);

    public static RouterException Changed(string path) => new(new RouterError(
        "RouterConfigurationChanged",
        Step,
        $"The configuration {path} was changed by somebody else since it was read.",
        "Read the configuration again, look at what changed, and repeat your change.",
        false));

    public static RouterException Locked(string path) => new(new RouterError(
        "RouterConfigurationLocked",
        Step,
        $"Another process is writing the configuration {path}.",
        "Try again in a moment; if it lasts, look for a router process that hangs.",
        true));

    public static RouterException Invalid(string path, IReadOnlyList<ConfigurationFault> faults)
    {
        var text = new StringBuilder($"The configuration {path} has ").Append(faults.Count == 1 ? "a fault:" : $"{faults.Count} faults:");
        foreach (ConfigurationFault fault in faults)
            text.Append('\n').Append("  ").Append(fault);
        return new RouterException(new RouterError("RouterConfigurationInvalid", Step, text.ToString(), faults[0].Remedy, false));
    }

    public static RouterException UnknownSystem(string kind, string name, IEnumerable<string> known) => new(new RouterError(
        "RouterSystemUnknown", Step, $"There is no {kind} system {name}.", $"Use one of: {string.Join(", ", known.Order(StringComparer.OrdinalIgnoreCase))}.", false));

    public static RouterException DeploymentIncomplete(string name, string problem, string remedy) => new(new RouterError(
        "RouterDeploymentIncomplete", Step, $"The deployment {name} {problem}.", remedy, false));

    public static RouterException KeyExposed(string path) => new(new RouterError(
        "RouterKeyFileExposed",
        "Secrets",
        $"The key file {path} can be read or written by others than its owner, so it is not used.",
        $"Run: chmod 600 '{path}'. Since others may have read it, consider removing it and entering all credentials again.",
        false));

    public static RouterException KeyUnusable(string path, string problem, Exception? inner) => new(
        new RouterError(
            "RouterKeyFileUnusable",
            "Secrets",
            $"The key file {path} cannot be used: {problem}",
            "Put back the key file that belongs to the configuration and give the router's account read access; without it enter all credentials again.",
            false),
        inner);

    public static RouterException SecretUnreadable(string problem, Exception? inner) => new(
        new RouterError("RouterSecretUnreadable", "Secrets", $"A stored secret cannot be decrypted: {problem}", "Enter the credential again on this machine.", false), inner);
}
