// SPDX-License-Identifier: GPL-2.0-or-later
// What esbuild printed as ES modules, as CommonJS. esbuild splits a program into chunks as ES modules
// only, and Node 20 keeps compiled code for scripts only (src/cli/code-cache.ts). What is imported is
// bound once, as constants, so that calls from chunk to chunk stay as quick as they were.

import ts from 'typescript';

/**
 * @param {string} name of the file, for errors
 * @param {string} text
 * @throws {Error} for what only an ES module can do
 */
export function commonjs(name, text) {
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true);
  /** @type {[from: number, to: number, put: string][]} */
  const edits = [];
  /** @type {string[]} */
  const exported = [];
  let url = false;
  /** @param {ts.Node} node @param {string} put */
  const replace = (node, put) => edits.push([node.getStart(file), node.getEnd(), put]);
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [what] = node.arguments;
      // Anything else is a user's file, which is an ES module.
      if (ts.isStringLiteral(what))
        replace(node, `Promise.resolve().then(() => require(${what.getText(file)}))`);
    } else if (node.kind === ts.SyntaxKind.MetaProperty && node.getText(file) === 'import.meta') {
      if (node.parent.getText(file) !== 'import.meta.url')
        throw new Error(`${name}: ${node.parent.getText(file)} has no CommonJS form here`);
      replace(node.parent, 'importMetaUrl');
      url = true;
    } else if (ts.isAwaitExpression(node) && !insideFunction(node)) {
      throw new Error(`${name}: a script cannot wait outside of functions`);
    }
    ts.forEachChild(node, visit);
  };
  for (const statement of file.statements) {
    for (const taken of declared(statement))
      if (SCOPE.includes(taken))
        throw new Error(`${name}: a script has a ${taken} of its own; name it otherwise`);
    if (ts.isImportDeclaration(statement)) replace(statement, required(statement, file));
    else if (ts.isExportDeclaration(statement)) {
      const clause = statement.exportClause;
      if (statement.moduleSpecifier || !clause || !ts.isNamedExports(clause))
        throw new Error(`${name}: cannot export so: ${statement.getText(file)}`);
      for (const { propertyName, name: as } of clause.elements)
        exported.push(propertyName ? `${as.text}: ${propertyName.getText(file)}` : as.text);
      replace(statement, '');
    } else visit(statement);
  }
  let out = text;
  for (const [from, to, put] of edits.sort((a, b) => b[0] - a[0]))
    out = out.slice(0, from) + put + out.slice(to);
  const head = url
    ? "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;\n"
    : '';
  const tail = exported.length ? `module.exports = { ${exported.join(', ')} };\n` : '';
  return `'use strict';\n${head}${out.trim()}\n${tail}`;
}

/** What Node gives to a script, where an ES module has nothing. */
const SCOPE = ['module', 'exports', 'require', '__filename', '__dirname'];

/**
 * Names that a statement of the top level declares.
 * @param {ts.Statement} statement
 */
function declared(statement) {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  }
  const named = ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement);
  return named && statement.name ? [statement.name.text] : [];
}

/** @param {ts.ImportDeclaration} statement @param {ts.SourceFile} file */
function required({ importClause, moduleSpecifier }, file) {
  const call = `require(${moduleSpecifier.getText(file)})`;
  const bindings = importClause?.namedBindings;
  if (!importClause) return `${call};`;
  if (importClause.name) throw new Error(`${file.fileName}: ${call} has no default here`);
  if (bindings && ts.isNamespaceImport(bindings)) return `const ${bindings.name.text} = ${call};`;
  const names = bindings?.elements.map(({ propertyName, name }) =>
    propertyName ? `${propertyName.getText(file)}: ${name.text}` : name.text,
  );
  return `const { ${names?.join(', ')} } = ${call};`;
}

/** @param {ts.Node} node */
function insideFunction(node) {
  for (let at = node.parent; at; at = at.parent) if (ts.isFunctionLike(at)) return true;
  return false;
}
