using System.Management.Automation;
using System.Management.Automation.Language;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>A token script as text for the configuration. What it needs of the session in which it was written cannot go with it, so that is looked for before it is kept.</summary>
internal static class TokenScriptText
{
    /// <summary>
    /// What PowerShell itself gives a value (about_Automatic_Variables); those that end in Preference are settings of each session. Not $PSScriptRoot and $PSCommandPath: the script is in
    /// no file.
    /// </summary>
    private static readonly HashSet<string> Automatic = new(
        [
            "$", "?", "^", "_", "args", "ConsoleFileName", "EnabledExperimentalFeatures", "Error", "ErrorView", "Event", "ExecutionContext", "false", "foreach", "HOME", "Host", "input",
            "IsCoreCLR", "IsLinux", "IsMacOS", "IsWindows", "LASTEXITCODE", "Matches", "MyInvocation", "NestedPromptLevel", "null", "OFS", "OutputEncoding", "PID", "PSBoundParameters",
            "PSCmdlet", "PSCulture", "PSDefaultParameterValues", "PSEdition", "PSHOME", "PSItem", "PSStyle", "PSUICulture", "PSVersionTable", "PWD", "Sender", "ShellId", "StackTrace",
            "switch", "this", "true",
        ],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>Parameters of commands that name a variable to be set; all others of the kind end in Variable.</summary>
    private static readonly HashSet<string> Setting = new(["ov", "ev", "wv", "iv", "pv", "sv"], StringComparer.OrdinalIgnoreCase);

    /// <summary>Makes the lines that are kept.</summary>
    /// <param name="script">The script.</param>
    /// <returns>Its lines, without empty ones at both ends.</returns>
    public static string[] LinesOf(ScriptBlock script)
    {
        string[] lines = [.. script.ToString().Split('\n').Select(line => line.TrimEnd('\r'))];
        int first = Array.FindIndex(lines, line => !string.IsNullOrWhiteSpace(line));
        return first < 0 ? [] : lines[first..(Array.FindLastIndex(lines, line => !string.IsNullOrWhiteSpace(line)) + 1)];
    }

    /// <summary>Finds the variables that the script reads and nothing in it sets.</summary>
    /// <param name="script">The script.</param>
    /// <returns>Their names, as they are written.</returns>
    public static IReadOnlyList<string> OutsideVariables(ScriptBlock script)
    {
        var set = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (Ast ast in script.Ast.FindAll(static _ => true, searchNestedScriptBlocks: true))
        {
            switch (ast)
            {
                case AssignmentStatementAst assignment:
                    set.UnionWith(VariablesIn(assignment.Left).Select(NameOf));
                    break;
                case ForEachStatementAst loop:
                    set.Add(NameOf(loop.Variable));
                    break;
                case ParameterAst parameter:
                    set.Add(NameOf(parameter.Name));
                    break;
                case CommandAst command:
                    set.UnionWith(SetBy(command));
                    break;
                case DataStatementAst { Variable: { } name }:
                    set.Add(name);
                    break;
            }
        }

        return [.. VariablesIn(script.Ast)
            .Where(variable => variable.Parent is UsingExpressionAst || IsOutside(variable, set))
            .Select(variable => variable.Parent is UsingExpressionAst ? variable.Parent.Extent.Text : variable.Extent.Text)
            .Distinct(StringComparer.OrdinalIgnoreCase)];
    }

    private static bool IsOutside(VariableExpressionAst variable, HashSet<string> set)
    {
        string name = NameOf(variable);
        return !variable.VariablePath.IsDriveQualified && !set.Contains(name) && !Automatic.Contains(name) && !name.EndsWith("Preference", StringComparison.OrdinalIgnoreCase);
    }

    private static IEnumerable<VariableExpressionAst> VariablesIn(Ast ast) =>
        ast.FindAll(static one => one is VariableExpressionAst, searchNestedScriptBlocks: true).Cast<VariableExpressionAst>();

    private static string NameOf(VariableExpressionAst variable)
    {
        string path = variable.VariablePath.UserPath;
        return variable.VariablePath.IsDriveQualified ? path : path[(path.LastIndexOf(':') + 1)..];
    }

    private static IEnumerable<string> SetBy(CommandAst command)
    {
        bool makesVariable = command.GetCommandName() is { } name && (name.EndsWith("-Variable", StringComparison.OrdinalIgnoreCase) || name is "sv" or "nv" or "set");
        for (int i = 1; i < command.CommandElements.Count; i++)
        {
            CommandElementAst element = command.CommandElements[i];
            bool names = element is CommandParameterAst parameter
                ? Setting.Contains(parameter.ParameterName) || parameter.ParameterName.EndsWith("Variable", StringComparison.OrdinalIgnoreCase)
                    || (makesVariable && parameter.ParameterName.StartsWith("n", StringComparison.OrdinalIgnoreCase))
                : makesVariable && i == 1;
            Ast? value = element is CommandParameterAst { Argument: var given } ? given ?? command.CommandElements.ElementAtOrDefault(i + 1) : element;
            if (names && value is StringConstantExpressionAst text)
                yield return text.Value.TrimStart('+');
        }
    }
}
